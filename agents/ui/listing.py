"""Code as the person sees it who is asked whether it may run: all of it, and nothing else.

Each row begins with a line number or a mark, so that no code looks like the question below it; long
lines go on in the next row, and what does not show by itself is written as a number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...executors.block import CodeBlock
from ...executors.filename import block_filename
from ...sandbox.errors import UsageError
from ...sandbox.intake.code_text import lines_of, shown_line
from ...sandbox.intake.names import shown_name

_NARROWEST = 20  # columns


@dataclass(frozen=True, slots=True)
class _Marks:
    """What rows begin with."""

    heading: str
    more_heading: str
    line: str
    more_line: str
    end: str


_MARKS = _Marks(heading="──", more_heading="┄┄", line="│", more_line="┊", end="────")
_ASCII_MARKS = _Marks(heading="--", more_heading="..", line="|", more_line=":", end="----")


def listing(blocks: Sequence[CodeBlock], width: int, encoding: str = "utf-8") -> list[str]:
    """The rows of a terminal that is ``width`` columns wide and shows ``encoding``."""
    marks = _MARKS if encoding.lower().startswith("utf") else _ASCII_MARKS
    rows: list[str] = []
    for place, block in enumerate(blocks, 1):
        which = f"block {place} of {len(blocks)}: " if len(blocks) > 1 else ""
        about = encodable(which + _about(block), encoding)
        heading, *more = _wrapped(about, max(_NARROWEST, width - 3))
        # The language and the file are the model's words, too: each row of them has its own mark.
        rows.append(f"{marks.heading} {heading}")
        rows += [f"{marks.more_heading} {part}" for part in more]
        rows += _rows(block.code, width, encoding, marks)
    return [*rows, marks.end]


def encodable(text: str, encoding: str) -> str:
    """The text in characters that the terminal knows; the others as escapes."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _about(block: CodeBlock) -> str:
    count = len(lines_of(block.code))
    what = f"{shown_name(block.language) or 'no language'}, {count} line{'s' if count != 1 else ''}"
    try:
        name = block_filename(block)
    except UsageError as error:
        return f"{what}; {shown_name(str(error))}"
    return what if name is None else f"{what}, written to {shown_name(name)} whatever is there"


def _rows(code: str, width: int, encoding: str, marks: _Marks) -> Iterator[str]:
    lines = lines_of(code)
    digits = len(str(len(lines)))
    room = max(_NARROWEST, width - digits - 4)
    for number, line in enumerate(lines, 1):
        first, *rest = _wrapped(shown_line(line, encoding), room)
        yield f"{number:>{digits}} {marks.line}{' ' if first else ''}{first}"
        yield from (f"{'':>{digits}} {marks.more_line} {part}" for part in rest)


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
