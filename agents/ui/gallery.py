"""The pictures of a run: drawn where the terminal can, else named."""

import base64
import binascii
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from ...sandbox.result import CodeResult
from ..runtime.image import Image
from .pictures import Protocol, drawn, kind_of, picture_protocol
from .result import human_size
from .style import Signs

_MANY = 8  # pictures of one result; the others are named
_RICH_TYPES = ("image/png", "image/jpeg", "image/gif")

ReadFile = Callable[[str], bytes | None]


class Gallery:
    """Shows pictures.

    Parameters
    ----------
    console, signs:
        Where, and how they are named.
    protocol:
        How they are drawn; ``None`` for naming them only.
    read_file:
        The content of a file that code left in its workspace, if it can be had.
    """

    def __init__(
        self,
        console: Console,
        signs: Signs,
        *,
        protocol: Protocol | None = None,
        read_file: ReadFile | None = None,
    ) -> None:
        self._console = console
        self._signs = signs
        self._protocol: Protocol | None = protocol
        self._read_file = read_file

    @classmethod
    def of_terminal(
        cls, console: Console, signs: Signs, *, inline: bool, read_file: ReadFile | None
    ) -> "Gallery":
        """One that draws if it is wanted and the terminal can."""
        can = inline and console.is_terminal
        return cls(
            console, signs, protocol=picture_protocol() if can else None, read_file=read_file
        )

    def show_images(self, content: Iterable[object]) -> None:
        """The pictures among the content of a message."""
        for image in [part for part in content if isinstance(part, Image)][:_MANY]:
            self._show(_decoded(image.data), "picture")

    def show_result(self, result: CodeResult) -> None:
        """What code displayed, and the pictures among its files, which are named already."""
        displayed = [
            _decoded(str(output.data[kind]))
            for output in result.outputs
            for kind in _RICH_TYPES
            if kind in output.data
        ]
        for data in displayed[:_MANY]:
            self._show(data, "picture")
        if self._read_file is None or self._protocol is None:
            return
        charts = [file.path for file in result.artifacts if file.mime_type in _RICH_TYPES]
        for path in charts[:_MANY]:
            content = self._read_file(path)
            if content is not None:
                self._draw(content)

    def _show(self, data: bytes, name: str) -> None:
        if not self._draw(data):
            what = f"{kind_of(data) or 'unknown'}, {human_size(len(data))}"
            self._console.print(Text(f"  {self._signs.file} {name}  {what}", style="dim"))

    def _draw(self, data: bytes) -> bool:
        picture = None if self._protocol is None else drawn(data, self._protocol)
        if picture is None:
            return False
        # Not by print(): rich would take it for text.
        self._console.file.write(picture)
        self._console.file.flush()
        return True


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
