"""Names of files that guests chose: what is shown of them."""

from __future__ import annotations

MAX_SHOWN = 256
"""Longest name that is shown whole, in characters as the guest wrote them."""

_UNSEEN = frozenset(
    # Letters, marks and symbols that leave nothing to be seen (Default_Ignorable_Code_Point of
    # the Unicode Character Database, and the braille blank); str.isprintable() knows the others.
    chr(code)
    for first, last in (
        (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
_SHORT = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def shown_name(path: str) -> str:
    """The name as one line that can be read: what cannot be seen is written as an escape.

    No control, line break, bidirectional or invisible character and no undecodable byte is left;
    a backslash is doubled, so that no name can look like the escape of another. Of a name longer
    than :data:`MAX_SHOWN` its beginning and its end are shown.
    """
    if len(path) <= MAX_SHOWN:
        return "".join(map(_shown, path))
    half = MAX_SHOWN // 2
    head, tail = ("".join(map(_shown, part)) for part in (path[:half], path[-half:]))
    return f"{head}[… {len(path) - 2 * half:,} more …]{tail}"


def is_plain(character: str) -> bool:
    """Whether a character of a name can be seen and stands for itself."""
    return character.isprintable() and character not in _UNSEEN


def _shown(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if is_plain(character):
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as os.fsdecode() has it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
