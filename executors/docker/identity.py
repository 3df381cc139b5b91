"""The user that everything in a container is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sandbox.identity import unused_id

if TYPE_CHECKING:
    from .engine import Engine

Ids = tuple[int, int]
"""Of a user and of a group."""


@dataclass(frozen=True, slots=True)
class ContainerUser:
    """Ids as they are in the container, and the same seen from outside of it."""

    inside: Ids
    outside: Ids


def container_user(engine: Engine) -> ContainerUser:
    """The caller; for root, a user that owns nothing.

    To the containers of a rootless engine its user is root, in a user namespace that it has for
    all of them (user_namespaces(7)), and all others are none of this machine's.
    """
    if os.geteuid() == 0:
        unused = unused_id()
        return ContainerUser((unused, unused), (unused, unused))
    own = os.geteuid(), os.getegid()
    return ContainerUser((0, 0) if engine.rootless else own, own)
