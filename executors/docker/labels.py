"""What is written on containers and images, so that it can be told whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox import owner

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = "sandcrew.owner"
"""The process that made it: :func:`sandcrew.sandbox.owner.this_process`."""
BOOT = "sandcrew.boot"
"""The boot of the machine that process is of, for an engine may serve several machines."""
KEEP = "sandcrew.keep"
"""There where the caller asked for it to outlive its owner."""


def of_this_process(*, keep: bool) -> dict[str, str]:
    labels = {OWNER: owner.this_process(), BOOT: _boot()}
    return labels | ({KEEP: "true"} if keep else {})


def is_abandoned(labels: Mapping[str, str]) -> bool:
    """True only when it is ours and its owner has certainly ended."""
    if KEEP in labels or labels.get(BOOT) != _boot():
        return False
    return not owner.is_alive(labels.get(OWNER, ""))


def _boot() -> str:
    """The kernel's name for this boot: random(4)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux
        return "unknown"
