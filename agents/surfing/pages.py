"""Files as a model can take them in: page by page."""

from posixpath import normpath

from ...sandbox.errors import UsageError
from .files import Files

PAGE = 10_000
"""Characters on a page."""
_MATCHES = 50
_ENTRIES = 500
_LARGEST = 16 << 20
_SEARCHED = 64 << 20


class Pages:
    """The tools of a file surfer. They remember nothing, so they may be used at the same time."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def list_files(self, folder: str = "") -> str:
        """List the files in a folder and below it, with their sizes in bytes."""
        inside = _plain(folder)
        found = [
            f"{file.path}  ({file.size:,} bytes)"
            for file in await self._files.list_files()
            if not inside or file.path == inside or file.path.startswith(f"{inside}/")
        ]
        if not found:
            return f"There are no files in {folder or 'the workspace'}."
        more = [f"… and {len(found) - _ENTRIES} more"] if len(found) > _ENTRIES else []
        return "\n".join([*found[:_ENTRIES], *more])

    async def open_path(self, path: str, page: int = 1) -> str:
        """Read one page of a text file; the first line says how many pages there are."""
        text = await self._text(_plain(path))
        pages = max(1, -(-len(text) // PAGE))
        if not 1 <= page <= pages:
            raise UsageError(f"{path} has {pages} pages; there is no page {page}.")
        return f"{path}, page {page} of {pages}:\n{text[(page - 1) * PAGE : page * PAGE]}"

    async def find(self, text: str, path: str = "") -> str:
        """Find the lines that hold a text, in one file or in all; capitals do not matter."""
        one = _plain(path)
        budget = _SEARCHED
        found: list[str] = []
        for file in await self._files.list_files():
            if (one and file.path != one) or file.size > min(_LARGEST, budget):
                continue
            budget -= file.size
            for number, line in enumerate(await self._lines(file.path), 1):
                if text.casefold() in line.casefold():
                    found.append(f"{file.path}:{number} (page {line.page}): {line.strip()[:200]}")
                    if len(found) == _MATCHES:
                        return "\n".join([*found, "… and maybe more"])
        return "\n".join(found) or f"{text!r} is nowhere in {path or 'the workspace'}."

    async def _lines(self, path: str) -> list["_Line"]:
        try:
            text = await self._text(path)
        except (UsageError, OSError):  # Not a text, or gone meanwhile.
            return []
        lines: list[_Line] = []
        place = 0
        for line in text.splitlines(keepends=True):
            lines.append(_Line(line, place // PAGE + 1))
            place += len(line)
        return lines

    async def _text(self, path: str) -> str:
        data = await self._files.read_file(path)
        if len(data) > _LARGEST:
            raise UsageError(f"{path} is too large to be read: {len(data):,} bytes.")
        if b"\0" in data[:8192]:
            raise UsageError(f"{path} is not a text; it has {len(data):,} bytes.")
        return data.decode(errors="replace")


class _Line(str):
    """A line that knows its page."""

    __slots__ = ("page",)
    page: int

    def __new__(cls, text: str, page: int) -> "_Line":
        line = super().__new__(cls, text)
        line.page = page
        return line


def _plain(path: str) -> str:
    """A path as the workspace has it: models write ``./a`` and ``/workspace/a``."""
    path = normpath(path.strip() or ".")
    if path == "/workspace" or path.startswith("/workspace/"):
        path = path.removeprefix("/workspace")
    path = path.lstrip("/")
    return "" if path == "." else path
