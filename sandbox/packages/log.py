"""What an installer printed: its last lines, and why it failed."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ERRORS = ("ERROR:", "error:", "\N{MULTIPLICATION SIGN}")
_KEPT = 200
_SHOWN = 6
_LONGEST = 900
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")
_LINK = re.compile(r"\s*(?:Found|Skipping) link")
_STEP = re.compile(
    r"(?:Collecting|Downloading|Using cached|Installing|Successfully|Resolved|Prepared"
    r"|Installed|Bytecode|WARNING|ERROR|error|warning)\b"
)
_SKIPPED = re.compile(r"No sources permitted for ([\w.-]+)")  # pip, with -vv
_NONE = re.compile(r"satisfies the requirement ([A-Za-z0-9._-]+)[^\n]*\(from versions: none\)")
_UV_HINT = re.compile(r"Wheels are required for `([\w.-]+)`")
_UV_SOURCE = re.compile(r"([\w.-]+)(?:==\S+)? has no (?:usable )?wheels")
_TRACEBACK = "Exception information:"  # pip's own, with -vv, and its last words


class InstallerLog:
    """Takes the lines of an installer, and passes on those that tell of a step."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._sources: set[str] = set()
        self._over = False

    def add(self, line: str) -> None:
        """Take one line.

        A user's name and password in a URL are masked, and so is what a terminal would obey:
        much of what an installer prints was written by whoever made a package.
        """
        line = "".join(sign if sign.isprintable() else " " for sign in line.rstrip())
        line = _PASSWORD.sub("****@", line)
        self._sources.update(map(_plain, _SKIPPED.findall(line)))
        self._over = self._over or line == _TRACEBACK
        if self._over or _LINK.match(line):  # a line for each file of an index, with -vv
            return
        self._lines.append(line)
        if self._progress is not None and _STEP.match(line.strip()):
            self._progress(line.strip())

    @property
    def text(self) -> str:
        """The last lines."""
        return "\n".join(self._lines)

    def why(self, status: int) -> str:
        """One sentence or two about a failure."""
        source = self._only_source()
        if source is not None:
            return (
                f"{source} is published as source only, or without a wheel for this interpreter. "
                "Only wheels are installed, so that no build script runs on this host; "
                "choose a version that has a wheel, or build one and offer it on your index."
            )
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        errors = [number for number, line in enumerate(lines) if line.startswith(_ERRORS)]
        first = errors[0] if errors else -_SHOWN
        said = " ".join(lines[first:][:_SHOWN])[:_LONGEST] or "it printed nothing"
        left_out = " (Source distributions were left out: wheels only.)" if self._sources else ""
        return f"the installer ended with status {status}: {said}{left_out}"

    def _only_source(self) -> str | None:
        for name in _NONE.findall(self.text):
            if _plain(name) in self._sources:
                return str(name)
        # uv breaks its sentences to the width of a terminal.
        text = re.sub(r"[\s\N{BOX DRAWINGS LIGHT VERTICAL}]+", " ", self.text)
        match = _UV_HINT.search(text) or _UV_SOURCE.search(text)
        return match[1] if match else None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
