"""What the host has of a run afterwards, and what its own tools do with that."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

_TOOL_SECONDS = 20
_TOOLS = {
    ".git": ["git", "status"],
    "Makefile": ["make", "--always-make"],
    "conftest.py": [sys.executable, "-m", "pytest", "--collect-only", "-q"],
    "evil.pth": [sys.executable, "-c", "import site; site.addsitedir('.')"],
    "sitecustomize.py": [sys.executable, "-c", ""],
}
"""Commands that a person runs in a folder, by the name that makes them execute what lies there."""
_NAMES = re.compile(
    r"\.[^/]*|conftest\.py|sitecustomize\.py|usercustomize\.py|.*\.pth|(GNU)?[Mm]akefile|"
    r"noxfile\.py|tasks\.py|setup\.py|package\.json|Justfile|justfile|Rakefile|gulpfile\.js"
)
"""What shells, editors, version control and build tools execute or obey when they see it."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DRIVES = re.compile(rb"\x1b[\[\]PX^_]|\xc2[\x90\x98\x9b\x9d-\x9f]")
"""Beginnings of sequences that terminals obey (ECMA-48), in seven bits or as C1 in UTF-8."""


def use_tools(folder: Path) -> None:
    """Do in a folder what its owner may do there, without a thought of who wrote the files."""
    found = [path for path in folder.rglob("*") if path.name in _TOOLS]
    for path in sorted(found):
        environment = {**os.environ, "PYTHONPATH": str(path.parent), "GIT_OPTIONAL_LOCKS": "0"}
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                _TOOLS[path.name],
                cwd=path.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TOOL_SECONDS,
                check=False,
            )


def dangerous_names(folder: Path) -> list[str]:
    """Names in a folder that tools execute or obey, and names that drive a terminal."""
    names = (part for path in folder.rglob("*") for part in [path.name])
    return sorted({name for name in names if _NAMES.fullmatch(name) or _CONTROLS.search(name)})


def room_of(folder: Path) -> int:
    """Bytes that a folder takes on the disk, holes and second names not counted."""
    taken: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        info = path.lstat()
        taken[info.st_dev, info.st_ino] = info.st_blocks * 512
    return sum(taken.values())


def drives_a_terminal(data: bytes) -> str:
    """The sequence in a text that a terminal would obey, or nothing."""
    match = _DRIVES.search(data)
    return repr(data[match.start() : match.end() + 20]) if match else ""


def outputs_of(notebook: Path) -> list[dict[str, Any]]:
    """The outputs of a saved notebook.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is none.
    """
    data: Any = json.loads(notebook.read_text())
    cells: Any = cast("dict[str, Any]", data).get("cells") if isinstance(data, dict) else None
    if not cells:
        raise ValueError(f"{notebook.name} has no cells")
    return [output for cell in cells for output in cell.get("outputs", [])]


def acts(notebook: Path) -> list[str]:
    """What acts in a saved notebook when somebody opens it and clicks."""
    found: list[str] = []
    for output in outputs_of(notebook):
        for kind, value in output.get("data", {}).items():
            text = "".join(cast("list[str]", value)) if isinstance(value, list) else str(value)
            if kind in ("text/html", "image/svg+xml", "text/markdown"):
                found += _active_tags(text)
            if kind in ("text/markdown", "text/latex"):
                found += _LINK.findall(text)
            if kind in ("application/javascript", "application/vnd.jupyter.widget-view+json"):
                found.append(kind)
    return found


_LINK = re.compile(
    r"\]\(\s*<?\s*(?:javascript|data|command|vbscript|file):[^)]{0,40}|"
    r"^\s*\[[^\]]*\]:\s*<?(?:javascript|data|command|vbscript|file):.{0,40}|"
    r"<(?:javascript|data|command|vbscript):[^>]{0,40}>|"
    r"\\href\s*\{\s*(?:javascript|data|command):[^}]{0,40}",
    re.IGNORECASE | re.MULTILINE,
)
_SCHEMES = re.compile(r"[\x00-\x20]*(https?|mailto)\s*:|[^:]*$|[^:]*[/?#]", re.IGNORECASE)
_TAGS = {"script", "style", "iframe", "object", "embed", "form", "base", "meta", "link"}


def _active_tags(text: str) -> list[str]:
    parser = _Tags()
    parser.feed(text[: 1 << 16])  # HTMLParser is quadratic on what it does not understand
    return parser.found


def _harmless(tag: str, address: str) -> bool:
    picture = tag in ("img", "image") and address.startswith("data:image/")
    return picture or _SCHEMES.match(address) is not None


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.found.append(f"<{tag} {name}>")
            elif name in ("href", "src", "xlink:href") and not _harmless(tag, value or ""):
                self.found.append(f"<{tag} {name}={value!r}>"[:80])
            elif name == "class" and "jp-" in (value or ""):
                self.found.append(f"<{tag} class={value!r}>"[:80])

    handle_startendtag = handle_starttag
