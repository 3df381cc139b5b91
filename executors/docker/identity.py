"""The user that everything in a container is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox.errors import PolicyError
from ...sandbox.identity import unused_id

if TYPE_CHECKING:
    from ...sandbox.policy import Policy


def container_user(policy: Policy) -> tuple[int, int]:
    """User and group ids for a container: the caller's, never root's.

    Root's containers have an id that owns nothing, or where a folder is the workspace the ids of
    its owner.

    Raises
    ------
    PolicyError
        The workspace is root's.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if policy.workdir is None:
        unused = unused_id()
        return unused, unused
    info = Path(policy.workdir).stat()
    if info.st_uid == 0:
        raise PolicyError(
            f"workdir: {policy.workdir} belongs to root, and code in a container never runs as "
            "root. Start sandcrew as an ordinary user, or give the folder to one (chown)."
        )
    return info.st_uid, info.st_gid
