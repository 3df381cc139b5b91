"""What is known about a finished environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST, IN_USE, SITE = "manifest.json", "in-use", "site"
"""The three things in an environment's folder; guests see nothing but ``site``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A finished environment of the cache."""

    path: Path
    """The folder to put on ``sys.path``; scripts are in ``bin`` in it."""
    key: str
    """Its name in the cache."""
    requirements: tuple[str, ...]
    """What was asked for, canonically written."""
    packages: dict[str, str]
    """The version of each installed package."""
    interpreter: dict[str, str]
    """``python``, ``abi``, ``platform`` and the real ``executable`` it was built for."""
    installer: str
    built: float
    """When, in seconds since the epoch."""
    size: int
    """Bytes of its files."""
    last_used: float
    """In seconds since the epoch."""


def write_manifest(folder: Path, known: dict[str, Any]) -> None:
    """Write ``known``, and what lies in ``site`` at the top, which :func:`read` compares."""
    known = {**known, "entries": _entries(folder)}
    path = folder / MANIFEST
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    path.chmod(0o444)


def read_environment(folder: Path) -> Environment | None:
    """The environment in ``folder``; ``None`` if it is not there, incomplete or corrupt."""
    try:
        known = json.loads((folder / MANIFEST).read_bytes())
        if known["key"] != folder.name or known["entries"] != _entries(folder):
            return None
        return Environment(
            path=folder / SITE,
            key=folder.name,
            requirements=tuple(map(str, known["requirements"])),
            packages=dict(known["packages"]),
            interpreter=dict(known["interpreter"]),
            installer=str(known["installer"]),
            built=float(known["built"]),
            size=int(known["size"]),
            last_used=(folder / IN_USE).stat().st_mtime,
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _entries(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / SITE).iterdir())
