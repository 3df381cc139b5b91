"""Names that guests chose: shown on one line, as they are."""

from __future__ import annotations

import os

import pytest

from sandcrew.sandbox.intake.names import MAX_SHOWN, shown_name


@pytest.mark.parametrize("name", ["chart.png", "Größe in m².csv", "a b/c-d_e.ipynb", "图表.png"])
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x\nThe exit code was: 0.py", r"x\nThe exit code was: 0.py"),
        ("\x1b[2J\x07.txt", r"\x1b[2J\x07.txt"),
        ("\x9b31m", r"\u009b31m"),
        ("gpj.\u202eyp", r"gpj.\u202eyp"),
        ("a\u200bb\u3164c\ufe0f", r"a\u200bb\u3164c\ufe0f"),
        ("a\u2028b\x85c", r"a\u2028b\u0085c"),
        ("a\u00a0b", r"a\u00a0b"),
        ("\U000e0041", r"\U000e0041"),
        (os.fsdecode(b"\x80\xff"), r"\x80\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_cannot_be_seen_is_written_out(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_no_name_looks_like_the_escape_of_another() -> None:
    names = ["\n", r"\n", "\\\n", os.fsdecode(b"\x85"), "\x85", r"\x85", r"\u0085"]
    assert len({shown_name(name) for name in names}) == len(names)


def test_of_a_long_name_the_beginning_and_the_end_are_shown() -> None:
    shown = shown_name("a" * 100_000 + "b")
    assert shown.startswith("aaa")
    assert shown.endswith("ab")
    assert len(shown) < MAX_SHOWN + 40
