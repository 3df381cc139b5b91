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
    found = {"python": Language(".py", session=())}
    for name, suffix in (("bash", ".sh"), ("sh", ".sh")):
        path = shutil.which(name, path="/usr/bin:/bin")
        if path:
            live = (path, "--noprofile", "--norc", "--noediting", "-i") if name == "bash" else None
            found[name] = Language(suffix, (path, "{file}"), session=live)
    node = shutil.which("node")
    if node:
        # From standard input, so that require("./x") looks in the workspace.
        program = Path(node).resolve()
        found["javascript"] = Language(
            ".js", (str(program), "-"), stdin=True, files=(program,), reserves=True
        )
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
