"""Files of a container where nothing of ours runs, by its shell and its own tools.

All of it happens inside, as the user of the code, so a name that leads out of the workspace leads
to nothing but the container. It is refused all the same, as everywhere.
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Protocol

from ...sandbox.errors import BackendError, UsageError
from ...sandbox.result import Artifact
from ...sandbox.workspace import MAX_ENTRIES, MAX_READ

if TYPE_CHECKING:
    from collections.abc import Mapping

State = tuple[str, ...]
"""Inode, size in bytes, and times of change of a file."""

_PLAIN = """
set -f; IFS=/; path=.
for part in $1; do path=$path/$part; [ ! -L "$path" ] || exit 65; done
"""
"""Refuses what is reached through a link."""
_READ = _PLAIN + '[ -e "$1" ] || exit 66; [ -f "$1" ] || exit 65; cat <"$1"'
_WRITE = _PLAIN + (
    'case $1 in */*) mkdir -p "${1%/*}" || exit 65;; esac; '
    '[ ! -e "$1" ] || [ -f "$1" ] || exit 65; head -c "$2" >"$1" || exit 65'
)
_LIST = 'find . -type f -exec stat -c "%i %s %Y %Z %n" {} + 2>/dev/null | head -n "$1"'


class Ask(Protocol):
    """Runs a script of the shell in the workspace: its exit code and what it printed."""

    async def __call__(
        self, script: str, *arguments: str, stdin: bytes = b"", limit: int = ...
    ) -> tuple[int, bytes]: ...


class ExecFiles:
    """The workspace of a container, by way of ``ask``."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def states(self) -> Mapping[str, State]:
        """All regular files by path; one whose name has a line break is not seen."""
        _, text = await self._ask(_LIST, str(MAX_ENTRIES))
        found: dict[str, State] = {}
        for line in text.decode("utf-8", "replace").splitlines():
            parts = line.split(" ", 4)
            if len(parts) == 5 and parts[1].isdigit() and parts[4].startswith("./"):
                found[parts[4][2:]] = tuple(parts[:4])
        return found

    async def read_file(self, path: str) -> bytes:
        """As :meth:`sandcrew.sandbox.workspace.Workspace.read_file`."""
        code, data = await self._ask(_READ, _inside(path), limit=MAX_READ + 1)
        if code == 66:
            raise FileNotFoundError(2, "no such file in the workspace", path)
        if code or len(data) > MAX_READ:
            raise UsageError(f"{path!r} is not a regular file that can be read, or too large.")
        return data

    async def write_file(self, path: str, data: bytes) -> None:
        """As :meth:`sandcrew.sandbox.workspace.Workspace.write_file`."""
        code, _ = await self._ask(_WRITE, _inside(path), str(len(data)), stdin=data)
        if code == 65:
            raise UsageError(f"{path!r} is reached through a link, or is no file to be written.")
        if code:
            raise BackendError(f"{path!r} cannot be written in the container (exit code {code}).")


def artifacts(states: Mapping[str, State], before: Mapping[str, State]) -> tuple[Artifact, ...]:
    """The files that are not as they were ``before``, by path."""
    return tuple(
        Artifact(path, int(state[1]), mimetypes.guess_type(path)[0] or "application/octet-stream")
        for path, state in sorted(states.items())
        if before.get(path) != state
    )


def _inside(path: str) -> str:
    parts = path.split("/")
    if not path or not all(parts) or ".." in parts or "\0" in path or path.startswith("-"):
        raise UsageError(f"{path!r} is not the name of a file in the workspace.")
    return path
