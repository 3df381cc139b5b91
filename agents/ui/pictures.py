"""Pictures in a terminal, by whichever protocol it speaks.

- kitty: https://sw.kovidgoyal.net/kitty/graphics-protocol/ (PNG)
- iTerm2: https://iterm2.com/documentation-images.html (whatever the terminal can read)
- sixel: DEC STD 070, chapter 9 (needs Pillow)

A picture is hostile data: only what begins like a picture and says that it is of a sane size is
passed on, and always as base64 or as pixels, so that nothing in it can be a command.
"""

import base64
import io
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Literal

from ...sandbox.intake.left_out import LeftOut
from ...sandbox.intake.pictures import picture_type, read_picture

Protocol = Literal["kitty", "iterm2", "sixel"]

_CHUNK = 4096
_COLUMNS = 800  # pixels: as wide as a sixel picture may be


def picture_protocol(environment: Mapping[str, str] = os.environ) -> Protocol | None:
    """What the terminal of this process speaks, as far as it tells; ``None`` if it does not."""
    program, terminal = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if "TMUX" in environment or terminal.startswith(("screen", "tmux")):
        return None  # They would swallow it.
    if "KITTY_WINDOW_ID" in environment or "kitty" in terminal or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty") or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    if terminal.startswith(("foot", "mlterm")) or "sixel" in terminal:
        return "sixel"
    return None


def kind_of(data: bytes) -> str | None:
    """``PNG``, ``JPEG`` or ``GIF``; ``None`` for what is none of them."""
    found = picture_type(data)
    return found and found.removeprefix("image/").upper()


def drawn(data: bytes, protocol: Protocol) -> str | None:
    """What draws a picture; ``None`` if it is none, or cannot be drawn by this protocol."""
    kind = kind_of(data)
    if kind is None or isinstance(read_picture(data), LeftOut):
        return None
    return _PROTOCOLS[protocol](data, kind)


def _kitty(data: bytes, kind: str) -> str | None:
    if kind != "PNG":
        return None
    text = base64.b64encode(data).decode()
    chunks = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    pieces: list[str] = []
    for number, chunk in enumerate(chunks):
        first = "a=T,f=100," if number == 0 else ""
        more = int(number < len(chunks) - 1)
        pieces.append(f"\x1b_G{first}m={more};{chunk}\x1b\\")
    return "".join(pieces) + "\n"


def _iterm2(data: bytes, kind: str) -> str:
    text = base64.b64encode(data).decode()
    return f"\x1b]1337;File=inline=1;size={len(data)};preserveAspectRatio=1:{text}\x07\n"


def _sixel(data: bytes, kind: str) -> str | None:
    if find_spec("PIL") is None:
        return None
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            picture.thumbnail((_COLUMNS, _COLUMNS))
            pixels = picture.convert("RGB").quantize(256)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None
    return f"\x1bPq{_palette(pixels)}{_bands(pixels)}\x1b\\\n"


def _palette(pixels: Any) -> str:
    """``#number;2;red;green;blue`` in percent."""
    levels: list[int] = pixels.getpalette() or []
    colors = [levels[start : start + 3] for start in range(0, len(levels), 3)]
    return "".join(
        f"#{number};2;{';'.join(str(level * 100 // 255) for level in color)}"
        for number, color in enumerate(colors)
    )


def _bands(pixels: Any) -> str:
    """Six rows at a time: for each colour the columns it is in, as bits from the top."""
    width, height = pixels.size
    data = pixels.tobytes()
    bands: list[str] = []
    for top in range(0, height, 6):
        columns: dict[int, bytearray] = {}
        for bit in range(min(6, height - top)):
            row = data[(top + bit) * width : (top + bit + 1) * width]
            for x, color in enumerate(row):
                columns.setdefault(color, bytearray(width))[x] |= 1 << bit
        lines = (f"#{color}{_run_lengths(bits)}" for color, bits in columns.items())
        bands.append("$".join(lines))
    return "-".join(bands)


def _run_lengths(bits: bytearray) -> str:
    parts: list[str] = []
    start = 0
    for end in range(1, len(bits) + 1):
        if end == len(bits) or bits[end] != bits[start]:
            count, sign = end - start, chr(63 + bits[start])
            parts.append(f"!{count}{sign}" if count > 3 else sign * count)
            start = end
    return "".join(parts)


_PROTOCOLS: dict[Protocol, Callable[[bytes, str], str | None]] = {
    "kitty": _kitty,
    "iterm2": _iterm2,
    "sixel": _sixel,
}
