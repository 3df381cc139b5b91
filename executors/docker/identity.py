"""The user that everything in a container is."""

from __future__ import annotations

import os

from ...sandbox.identity import unused_id


def container_user() -> tuple[int, int]:
    """User and group ids for a container: the caller's; for root, ones that own nothing."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    unused = unused_id()
    return unused, unused
