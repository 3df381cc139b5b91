"""Takes out of text what a terminal would obey.

What models and programs print is hostile: escape sequences move the cursor over what is there,
set the title, fill the clipboard (OSC 52), and bidirectional controls make code read differently
from what it does (CVE-2021-42574).
"""

import re

_SEQUENCE = re.compile(
    # CSI; then the strings OSC, DCS, SOS, PM, APC up to BEL or ST; then all others.
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\`-~]"
)
# An escape sequence that has begun and may go on in the next piece.
_UNFINISHED = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]*[ -/]*|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*\x1b?"
    r"|\x1b[ -/]*)\Z"
)
_MAX_HELD = 1024
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def sanitize(text: str) -> str:
    """Plain text: no control but newline, tab and carriage return; hidden ones made visible."""
    text = _CONTROL.sub("", _SEQUENCE.sub("", text))
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def sanitize_line(text: str) -> str:
    """The same on one line, for names and reasons."""
    return " ".join(sanitize(text).split())


class Sanitizer:
    """:func:`sanitize` for text that comes in pieces, cut anywhere."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        cut = _UNFINISHED.search(text, max(0, len(text) - _MAX_HELD))
        self._held = "" if cut is None else text[cut.start() :]
        return sanitize(text if cut is None else text[: cut.start()])
