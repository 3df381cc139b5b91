"""Runs the command line as what it is: a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "sandcrew"]


@dataclass(frozen=True)
class Finished:
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The one line a refused command prints."""
        assert self.stdout == ""
        assert self.stderr.startswith("sandcrew: ")
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process, without a key for a model."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**plain, **(changes or {})}


def heed_ctrl_c() -> None:
    """For ``preexec_fn``: what a shell starts in the background ignores SIGINT otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def sandcrew(
    *arguments: str | Path,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run ``sandcrew`` to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin.encode(),
        capture_output=True,
        env=environment(env),
        cwd=cwd,
        timeout=50,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def valid_notebook(path: Path) -> Any:
    """The notebook at ``path``, which is a valid one."""
    untyped: Any = nbformat
    notebook = untyped.read(path, as_version=untyped.NO_CONVERT)
    untyped.validate(notebook)
    return notebook
