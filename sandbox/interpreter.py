"""The Python that guests run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import PolicyError


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An executable and the folders it needs."""

    executable: Path
    prefixes: tuple[Path, ...]


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
    # The executable of a virtual environment is a link, maybe over several links, and each
    # folder on the way is needed to start it by name.
    folders = {Path(prefix) for prefix in prefixes}
    path = Path(executable)
    while path.is_symlink():
        path = path.parent / path.readlink()
        folders.add(path.parent.resolve().parent)
    folders |= {folder.resolve() for folder in folders}
    return Interpreter(Path(executable), tuple(sorted(folders - {Path("/"), Path.home()})))
