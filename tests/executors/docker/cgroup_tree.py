"""A cgroup made of plain files."""

from __future__ import annotations

from pathlib import Path

from sandcrew.sandbox.cgroup import Cgroup


def tree(folder: Path, memory: str, pids: str) -> Cgroup:
    """A cgroup of version 2 below one with these limits, as systemd and crun make them."""
    leaf = folder / "machine.slice" / "libpod.scope" / "container"
    leaf.mkdir(parents=True)
    for place, values in ((leaf.parent, (memory, pids)), (leaf, ("max", "max"))):
        (place / "memory.max").write_text(values[0])
        (place / "pids.max").write_text(values[1])
    return Cgroup(2, {"memory": leaf, "pids": leaf})
