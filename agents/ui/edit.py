"""Letting a person change code."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ...sandbox.errors import UsageError

_SUFFIXES = {"python": ".py", "bash": ".sh", "sh": ".sh", "javascript": ".js"}
_END = "."


async def edit_in(editor: Sequence[str], code: str, language: str) -> str | None:
    """The code as it is after the editor; ``None`` if the editor says that it failed.

    The editor has the terminal. It is ended when the wait is cancelled, and the file is gone
    afterwards in any case.

    Raises
    ------
    UsageError
        There is no such editor.
    """
    with tempfile.TemporaryDirectory(prefix="sandcrew-edit-") as folder:
        path = Path(folder, f"code{_SUFFIXES.get(language, '.txt')}")
        _write(path, code)
        try:
            process = await asyncio.create_subprocess_exec(*editor, str(path))
        except OSError as error:
            raise UsageError(f"The editor {editor[0]!r} cannot be started: {error}") from error
        try:
            failed = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return None if failed else _read(path)


async def edit_lines(ask: Callable[[str], Awaitable[str]]) -> str | None:
    """The code somebody types line by line; ``None`` for no line at all."""
    print(f"The new code, line by line; a line with only {_END!r} ends it, at once: keep the old.")
    lines: list[str] = []
    while (line := await ask("")) != _END:
        lines.append(line)
    return "\n".join(lines) + "\n" if lines else None


# As bytes: text files would change carriage returns, and lone surrogates are no UTF-8.
def _write(path: Path, code: str) -> None:
    path.write_bytes(code.encode("utf-8", "surrogatepass"))


def _read(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
