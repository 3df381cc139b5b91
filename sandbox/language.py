"""How a program in each language is started in a guest."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Language:
    """``argv`` with ``{file}`` in it; empty for Python, which is forked and not executed.

    With ``stdin`` the code comes on standard input. ``files`` must be visible to guests. One that
    ``reserves`` maps far more memory than it uses. ``session`` starts a live one, if it can live.
    """

    suffix: str
    argv: tuple[str, ...] = ()
    stdin: bool = False
    files: tuple[Path, ...] = ()
    reserves: bool = False
    session: tuple[str, ...] | None = None


@cache
def languages() -> dict[str, Language]:
    """What this host can run, by canonical name."""
    programs = {name: shutil.which(name, path="/usr/bin:/bin") for name in ("bash", "sh")}
    node = shutil.which("node")
    programs["node"] = str(Path(node).resolve()) if node else None
    return languages_by(programs)


def languages_by(programs: Mapping[str, str | None]) -> dict[str, Language]:
    """What can be run where ``bash``, ``sh``, ``node`` and ``pwsh`` are found at these paths."""
    found = {"python": Language(".py", session=())}
    if bash := programs.get("bash"):
        live = (bash, "--noprofile", "--norc", "--noediting", "-i")
        found["bash"] = Language(".sh", (bash, "{file}"), session=live)
    if sh := programs.get("sh"):
        found["sh"] = Language(".sh", (sh, "{file}"))
    if node := programs.get("node"):
        # From standard input, so that require("./x") looks in the workspace.
        found["javascript"] = Language(
            ".js", (node, "-"), stdin=True, files=(Path(node),), reserves=True
        )
    if pwsh := programs.get("pwsh"):
        argv = (pwsh, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", "{file}")
        found["powershell"] = Language(".ps1", argv)
    return found


def find_language(name: str, known: Mapping[str, Language]) -> Language:
    """The language called ``name`` of those that are known where it is to run.

    Raises
    ------
    UsageError
        It is not one of them.
    """
    try:
        return known[name]
    except KeyError:
        names = ", ".join(known)
        raise UsageError(f"Unknown language {name!r}: this sandbox runs {names}.") from None
