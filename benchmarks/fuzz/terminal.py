"""Text for a terminal: any cut gives what the whole gives, and no control is left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...sandbox.intake.terminal import Cleaner, clean
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _pieces() -> SearchStrategy[Any]:
    from hypothesis import strategies as st

    special = st.sampled_from("\x1b[]P\\\x07\x9b\x9c\x9d\n\r0;m \u200d\ufe0f\u20e3☺1\u202e")
    return st.lists(st.text(special | st.characters(), max_size=8), max_size=8)


def _check(pieces: list[str]) -> None:
    cleaner = Cleaner()
    text = "".join([*map(cleaner.feed, pieces), cleaner.finish()])
    assert text == clean("".join(pieces))
    assert not _CONTROL.search(text)
    text.encode()


TARGETS = (FuzzTarget("terminal", _pieces, _check),)
