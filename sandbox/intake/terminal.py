"""What programs and models print, taken in as plain text for a terminal or a person.

Such text is hostile: escape sequences move the cursor over what is there, set the title, fill the
clipboard (OSC 52); bidirectional and invisible characters make it read differently from what it
is (CVE-2021-42574). What a terminal would obey is removed here; characters that cannot be seen are
shown by their numbers, as :mod:`.code_text` has it for code, where nothing may be removed.

It takes linear time: no part of a pattern can run over the beginning of the next sequence.
"""

from __future__ import annotations

import re

_LONGEST_STRING = 4096
"""Characters of a string for the terminal, such as a title or a link, that is removed."""

# --- what a terminal obeys (ECMA-48) ---

_STRING_START = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])"
_STRING_BODY = r"[^\x00-\x06\x08\n\r\x07\x18\x1a\x1b\x90\x98\x9b-\x9f]"
_CSI_START = r"(?:\x1b\[|\x9b)"
_CSI_BODY = r"[0-?]{0,256}+[ -/]{0,16}+"
# A string that does not end on its line is none: it could hide lines. Only its start is removed.
_SEQUENCE = re.compile(
    rf"{_CSI_START}(?:{_CSI_BODY}[@-~])?"
    rf"|{_STRING_START}(?:{_STRING_BODY}{{0,{_LONGEST_STRING}}}+(?:\x07|\x1b\\|\x9c))?"
    r"|\x1b[ -/]{0,16}+[0-Z\\`-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_UNFINISHED = re.compile(
    rf"(?:{_CSI_START}{_CSI_BODY}"
    rf"|(?P<string>{_STRING_START}{_STRING_BODY}{{0,{_LONGEST_STRING}}}+)\x1b?"
    r"|\x1b[ -/]{0,16}+)\Z"
)
_MORE_OF_STRING = re.compile(rf"{_STRING_BODY}+")
_MOST_HELD = _LONGEST_STRING + 3
_PIECE = 1 << 18
"""Characters that are cleaned at once: each part between two sequences is an object meanwhile."""

# --- what cannot be seen ---

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_OF_EMOJI = (
    f"(?<=[{_EMOJI}])\ufe0f|(?<=[#*0-9])\ufe0f(?=\u20e3)"
    f"|(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
)
_JOINING = (
    "\u0620-\u07ff\u0840-\u0d7f\u0d80-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1820-\u18af"
)
# Arabic, Persian, Syriac and Indic scripts are spelled with joiners.
_OF_WORDS = f"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])"
# Default_Ignorable_Code_Point and the separators of lines and paragraphs (Unicode), surrogates, and
# what is no character.
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN = re.compile(f"(?:{_OF_EMOJI}|{_OF_WORDS})|(?P<hidden>[{_HIDDEN}])")
_JOINERS = "\u200c\u200d\ufe0f"


def clean(text: str) -> str:
    """Plain text: no control but newline, tab and carriage return, nothing that is not seen."""
    if len(text) <= _PIECE:
        return _UNSEEN.sub(_shown, _SEQUENCE.sub("", text))
    cleaner = Cleaner()
    pieces = [cleaner.feed(text[i : i + _PIECE]) for i in range(0, len(text), _PIECE)]
    return "".join((*pieces, cleaner.finish()))


def clean_line(text: str) -> str:
    """The same on one line, for reasons and remarks."""
    return " ".join(clean(text).split())


class Cleaner:
    """:func:`clean` for text that comes in pieces, cut anywhere.

    What it keeps between two pieces is the beginning of a sequence, and bounded.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        self._size = 0
        self._in_string = False
        self._before = self._joiner = ""

    def feed(self, piece: str) -> str:
        """What is certain of the text so far and has not been given yet."""
        self._held.append(piece)
        self._size += len(piece)
        if self._in_string and self._size <= _MOST_HELD and _MORE_OF_STRING.fullmatch(piece):
            return ""  # what is held is not looked at again for each piece of it
        text = "".join(self._held)
        cut = _UNFINISHED.search(text, max(0, len(text) - _MOST_HELD))
        # After an escape it may be over with the next character.
        in_string = cut is not None and cut["string"] == cut[0]
        self._hold("" if cut is None else cut[0], in_string=in_string)
        return self._spell(_SEQUENCE.sub("", text if cut is None else text[: cut.start()]))

    def finish(self) -> str:
        """The rest, when the text has ended."""
        text = "".join(self._held)
        self._hold("", in_string=False)
        return self._spell(_SEQUENCE.sub("", text), ended=True)

    def _hold(self, text: str, *, in_string: bool) -> None:
        self._held, self._size, self._in_string = [text], len(text), in_string

    def _spell(self, text: str, *, ended: bool = False) -> str:
        """Show what is hidden; a joiner at the end is judged with what comes next."""
        text = self._joiner + text
        self._joiner = text[-1] if text and text[-1] in _JOINERS and not ended else ""
        text = text[: len(text) - len(self._joiner)]
        before = self._before
        self._before = (before + text)[-2:]
        shown = _UNSEEN.sub(_shown, before + text)
        return shown[len(_UNSEEN.sub(_shown, before)) :]


def _shown(match: re.Match[str]) -> str:
    character: str | None = match["hidden"]
    return match[0] if character is None else f"⟦U+{ord(character):04X}⟧"
