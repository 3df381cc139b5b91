"""What executors share that run each block as a command: how languages are started."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from ..sandbox.result import CodeResult

SUFFIXES = {
    "python": ".py",
    "bash": ".sh",
    "sh": ".sh",
    "javascript": ".js",
    "powershell": ".ps1",
}
_PROGRAMS = {"javascript": "node", "powershell": "pwsh"}


@dataclass(frozen=True, slots=True)
class CommandLineCodeResult(CodeResult):
    """The result of a block that ran as a file."""

    code_file: str | None = None
    """The path of that file where it was run; it may be gone."""


def installed_languages() -> tuple[str, ...]:
    """The languages this host can run: Python, and each whose program is on the ``PATH``."""
    return tuple(
        language
        for language in SUFFIXES
        if language == "python" or shutil.which(_PROGRAMS.get(language, language))
    )


def command(language: str, path: str, *, python: str) -> list[str]:
    """The command that runs the file at ``path``."""
    if language == "python":
        # Unbuffered, so that what was printed before a kill is there; UTF-8 whatever the locale;
        # no bytecode among the artifacts.
        return [python, "-u", "-B", "-X", "utf8", path]
    if language == "powershell":
        return ["pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File", path]
    return [_PROGRAMS.get(language, language), path]
