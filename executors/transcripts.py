"""Console transcripts: the commands of a copied terminal session, without prompts and output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONSOLE_TAGS = frozenset(
    ["console", "shell-session", "shellsession", "sh-session", "bash-session", "pycon"]
)
# "$ ", "(venv) $ ", "user@host:~/x$ "; "# " and "% " would also be comments and magics.
_SHELL_PROMPT = re.compile(r"(?:\([^)\n]*\) )?(?:[^@\s$]+@[^$\n]*)?\$(?: |$)")


def is_transcript(tag: str, language: str, code: str) -> bool:
    """True when the tag says so or when the first line has a prompt no program starts with."""
    if tag.lower() in _CONSOLE_TAGS:
        return True
    if language == "python":
        return code.lstrip().startswith(">>> ")
    return language in ("bash", "sh") and code.lstrip().startswith("$ ")


def python_commands(code: str) -> str:
    """The input after ``>>>`` and ``...``; text without a prompt comes back as it is."""
    lines = [line[4:] for line in code.split("\n") if line[:4].rstrip() in (">>>", "...")]
    return _joined(lines, code)


def shell_commands(code: str) -> str:
    """The input after ``$`` and its continuation lines; text without a prompt as it is."""
    return _joined(list(_shell_input(code.split("\n"))), code)


def _shell_input(lines: list[str]) -> Iterator[str]:
    unfinished = False
    for line in lines:
        prompt = _SHELL_PROMPT.match(line)
        if prompt:
            line = line[prompt.end() :]
        elif not unfinished:
            continue
        else:
            line = line.removeprefix("> ")
        yield line
        # Only what surely goes on, for output may begin with "> " as well.
        unfinished = line.rstrip().endswith(("\\", "|", "&&"))


def _joined(lines: list[str], code: str) -> str:
    return "".join(f"{line}\n" for line in lines) if lines else code
