"""The user and group ids a sandbox runs under."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .guest import kernel
from .rootfs import GUEST_UID

_FAVOURED = range(1_600_000_000, 1_600_065_536)
"""Ids of guests where all 32 bits can be had: far from users, services and containers."""

_CAP_CHOWN, _CAP_KILL, _CAP_SETGID, _CAP_SETUID = 1 << 0, 1 << 5, 1 << 6, 1 << 7
_FEWEST = 1000
"""Namespaces with fewer ids have none to spare (such as those with the caller's alone)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Maps for the namespace of the zygote (user_namespaces(7)).

    ``owner`` is the id that guests have outside, when it is another than the caller's.
    """

    uid_map: str
    gid_map: str
    may_setgroups: bool
    owner: int | None


def choose_identity() -> Identity:
    """Root gets an id that owns nothing; anybody else can only be themselves."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        return Identity(f"{GUEST_UID} {uid} 1", f"{GUEST_UID} {gid} 1", False, None)
    owner = unused_id()
    return Identity(
        f"0 {uid} 1\n{GUEST_UID} {owner} 1", f"0 {gid} 1\n{GUEST_UID} {owner} 1", True, owner
    )


def identity_without_namespaces() -> Identity:
    """The same where no ids can be mapped: no maps, and another id only for a capable root."""
    needed = _CAP_CHOWN | _CAP_KILL | _CAP_SETGID | _CAP_SETUID
    capable = kernel.permitted_capabilities() & needed == needed
    few_ids = min(_mappable("uid"), _mappable("gid")) <= _FEWEST
    if os.geteuid() != 0 or not capable or few_ids:
        return Identity("", "", False, None)
    return Identity("", "", False, unused_id())


def unused_id() -> int:
    """An id from the far end of those this process may map."""
    if _mappable("uid") > _FAVOURED.stop and _mappable("gid") > _FAVOURED.stop:
        return _FAVOURED[int.from_bytes(os.urandom(2), "big")]
    # In a container with few ids: below the last one, which is often in use (65534, 65535).
    return max(min(_mappable("uid"), _mappable("gid")) - 100 - os.urandom(1)[0], 1)


def _mappable(kind: str) -> int:
    """One above the highest id of this process's own namespace."""
    highest = 0
    for line in Path(f"/proc/self/{kind}_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        highest = max(highest, first + count)
    return highest
