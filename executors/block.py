"""A code block, and the names languages go by."""

from __future__ import annotations

from dataclasses import dataclass

_ALIASES = {
    "py": "python",
    "py3": "python",
    "python3": "python",
    "ipython": "python",
    "ipython3": "python",
    "pycon": "python",
    "shell": "sh",
    "posix-sh": "sh",
    "console": "bash",
    "shell-session": "bash",
    "shellsession": "bash",
    "zsh": "bash",
    "js": "javascript",
    "node": "javascript",
    "nodejs": "javascript",
    "mjs": "javascript",
    "pwsh": "powershell",
    "ps1": "powershell",
}


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Source text and the language it is written in."""

    code: str
    language: str


def canonical_language(name: str) -> str:
    """The one name of a language: ``"Py"`` → ``"python"``, ``"shell"`` → ``"sh"``.

    Unknown names come back in lower case.
    """
    name = name.strip().lower()
    return _ALIASES.get(name, name)
