"""How things look: colours and signs, and plain ones where a terminal has no others."""

from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console

CODE_THEME = "monokai"
CODE_BACKGROUND = "#272822"
_SPEAKER_COLORS = ("cyan", "magenta", "green", "yellow", "bright_blue", "bright_red")


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs in front of things."""

    rule: str = "─"
    output: str = "│"
    run: str = "▶"
    ok: str = "✓"
    bad: str = "✗"
    file: str = "→"
    denied: str = "⊘"
    retry: str = "↻"
    ask: str = "?"
    bullet: str = "•"
    dot: str = "·"

    ASCII: ClassVar["Signs"]


Signs.ASCII = Signs(
    rule="-",
    output="|",
    run=">",
    ok="ok:",
    bad="failed:",
    file="->",
    denied="denied:",
    retry="retry:",
    ask="?",
    bullet="*",
    dot="-",
)


def signs_for(console: Console) -> Signs:
    return Signs() if console.encoding.lower().startswith("utf") else Signs.ASCII


class SpeakerColors:
    """One colour for each speaker, in order of appearance."""

    def __init__(self) -> None:
        self._colors: dict[str, str] = {"user": "bright_white"}

    def __getitem__(self, speaker: str) -> str:
        color = _SPEAKER_COLORS[(len(self._colors) - 1) % len(_SPEAKER_COLORS)]
        return self._colors.setdefault(speaker, color)
