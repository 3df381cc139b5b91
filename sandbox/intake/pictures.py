"""Pictures that guests made: what they are, and whether a viewer can afford to decode them.

A picture of some bytes may say that it is of a hundred thousand pixels square, and who decodes it
makes room for them all. So its headers are read first; nothing here decodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 8 << 20
MAX_PIXELS = 25_000_000
MAX_ALL_PIXELS = 100_000_000
"""Of all frames of a moving picture together."""
MAX_SCANS = 100
"""Of a JPEG: each may be of a few bytes, and costs a pass over all pixels."""
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
"""How files of pictures begin, and their MIME types."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a file says of itself."""

    mime_type: str
    width: int
    height: int


def read_picture(data: bytes) -> Picture | LeftOut:
    """Which picture ``data`` is, if it may be decoded."""
    if len(data) > MAX_BYTES:
        return LeftOut(f"it is larger than {MAX_BYTES:,} bytes")
    kind = picture_type(data)
    if kind is None:
        return LeftOut("it is no PNG, JPEG or GIF")
    if kind == "image/jpeg" and data.count(b"\xff\xda") > MAX_SCANS:
        return LeftOut(f"it has more than {MAX_SCANS} scans")
    total = width = height = 0
    for frame in _FRAMES[kind](data):
        pixels = frame[0] * frame[1]
        total += pixels
        if not pixels or pixels > MAX_PIXELS or total > MAX_ALL_PIXELS:
            return LeftOut(f"it is of 0 or of more than {MAX_PIXELS:,} pixels")
        width, height = max(width, frame[0]), max(height, frame[1])
    return Picture(kind, width, height) if total else LeftOut("its header is damaged")


def picture_type(data: bytes) -> str | None:
    """The MIME type of what begins like a picture; ``None`` for anything else."""
    return next((kind for start, kind in SIGNATURES.items() if data.startswith(start)), None)


def _png(data: bytes) -> Iterator[tuple[int, int]]:
    """PNG, section 11.2.2: the first chunk is the header. An ``fcTL`` comes before each frame of an
    animation, of which none is larger."""
    if len(data) >= 24 and data[12:16] == b"IHDR":
        for _ in range(max(1, data.count(b"fcTL"))):
            yield int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    """ITU T.81, annex B.1.1: segments with their lengths, until the first scan."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xDA:
            return
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # fill, or no length
            place += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            yield int.from_bytes(width), int.from_bytes(height)
        place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4]))


def _gif(data: bytes) -> Iterator[tuple[int, int]]:
    """GIF89a: the screen, and on it frame after frame, each of which a viewer may keep whole."""
    if len(data) < 13:
        return
    screen = _size(data, 6)
    yield screen
    place = 13 + _table(data[10])
    frames = 0
    while place < len(data):
        if data[place] == 0x21:  # an extension: a label, then its blocks
            place = _after_blocks(data, place + 2)
        elif data[place] == 0x2C and place + 11 <= len(data):
            width, height = _size(data, place + 5)
            if frames:
                yield max(width, screen[0]), max(height, screen[1])
            elif width > screen[0] or height > screen[1]:
                yield width, height
            frames += 1
            place = _after_blocks(data, place + 11 + _table(data[place + 9]))
        else:
            return


def _size(data: bytes, place: int) -> tuple[int, int]:
    return (
        int.from_bytes(data[place : place + 2], "little"),
        int.from_bytes(data[place + 2 : place + 4], "little"),
    )


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, place: int) -> int:
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1


_FRAMES: dict[str, Callable[[bytes], Iterator[tuple[int, int]]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
}
