"""Code as the person sees it who is asked whether it may run: all of it, and nothing else.

Each row begins with a line number or a mark, so that no code looks like the question below it; long
lines go on in the next row, and what does not show by itself is written as a number.
"""

import sys
from collections.abc import Iterator, Sequence

from ...executors.block import CodeBlock
from ...executors.filename import block_filename
from ...sandbox.errors import UsageError
from ...sandbox.intake.code_text import lines_of, shown_line
from ...sandbox.intake.names import shown_name

_NARROWEST = 20  # columns


def listing(blocks: Sequence[CodeBlock], width: int) -> list[str]:
    """The rows of a terminal that is ``width`` columns wide."""
    rows: list[str] = []
    for place, block in enumerate(blocks, 1):
        which = f"block {place} of {len(blocks)}: " if len(blocks) > 1 else ""
        heading, *more = _wrapped(which + _about(block), max(_NARROWEST, width - 3))
        # The language and the file are the model's words, too: each row of them has its own mark.
        rows += [f"── {heading}", *(f"┄┄ {part}" for part in more), *_rows(block.code, width)]
    return [*rows, "─" * 4]


def write(text: str) -> None:
    """Print a row, also where the terminal does not know all characters."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def _about(block: CodeBlock) -> str:
    count = len(lines_of(block.code))
    what = f"{shown_name(block.language) or 'no language'}, {count} line{'s' if count != 1 else ''}"
    try:
        name = block_filename(block)
    except UsageError as error:
        return f"{what}; {shown_name(str(error))}"
    return what if name is None else f"{what}, written to {shown_name(name)} whatever is there"


def _rows(code: str, width: int) -> Iterator[str]:
    lines = lines_of(code)
    digits = len(str(len(lines)))
    room = max(_NARROWEST, width - digits - 4)
    for number, line in enumerate(lines, 1):
        first, *rest = _wrapped(shown_line(line), room)
        yield f"{number:>{digits}} │ {first}" if first else f"{number:>{digits}} │"
        yield from (f"{'':>{digits}} ┊ {part}" for part in rest)


def _wrapped(text: str, room: int) -> list[str]:
    """The text in parts that are not wider than ``room`` columns."""
    parts, start, used = list[str](), 0, 0
    for place, character in enumerate(text):
        # No character is wider than two columns, and of some nobody knows how wide they are.
        cells = 1 if character.isascii() else 2
        if used + cells > room:
            parts.append(text[start:place])
            start, used = place, 0
        used += cells
    return [*parts, text[start:]]
