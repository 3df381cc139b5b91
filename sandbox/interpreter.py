"""The Python that guests run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import PolicyError
from .host_paths import require_visible


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An executable and the folders it needs."""

    executable: Path
    prefixes: tuple[Path, ...]
    file: Path
    """What the executable is in the end, if it is a link."""
    links: tuple[tuple[Path, str], ...] = ()
    """The links on the way there, and where each points to."""


@cache
def find_interpreter(executable: str | Path | None) -> Interpreter:
    """The interpreter at ``executable``, or the one that runs this.

    Raises
    ------
    PolicyError
        It is not a Python from 3.9 on.
    """
    if executable is None:
        return _interpreter(sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix)
    return _ask(Path(executable))


def _ask(executable: Path) -> Interpreter:
    code = (
        "import sys; assert sys.version_info >= (3, 9); "
        "print(sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix, sep='\\n')"
    )
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PolicyError(f"python: {executable} is not a Python from 3.9 on.") from error
    return _interpreter(*answer.stdout.split("\n")[:4])


def _interpreter(executable: str, *prefixes: str) -> Interpreter:
    folders = {Path(prefix) for prefix in prefixes}
    folders |= {folder.resolve() for folder in folders}
    for folder in folders:
        require_visible(folder)
        if folder in _too_much():
            raise PolicyError(
                f"python: the interpreter's own folder is {folder}, which would show guests your "
                "files; use one from a virtual environment or a folder of its own."
            )
    # The executable of a virtual environment is a link, maybe over several links. They are made
    # again, and not the folders they lie in shown, which may be anybody's.
    path, links = Path(executable), list[tuple[Path, str]]()
    while path.is_symlink():
        links.append((path, str(path.readlink())))
        path = Path(os.path.normpath(path.parent / path.readlink()))
    return Interpreter(Path(executable), tuple(sorted(folders)), path, tuple(links))


def _too_much() -> set[Path]:
    """The root, the caller's home, and what holds it."""
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111  (Path.home() may raise)
    return {Path("/"), home, *home.parents}
