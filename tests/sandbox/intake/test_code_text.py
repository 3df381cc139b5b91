"""Code as it is shown: nothing is hidden in it, and nothing is left out."""

from __future__ import annotations

import pytest

from sandcrew.sandbox.intake.code_text import Notation, hidden_characters, lines_of, shown_line

HIDDEN = {
    "\x00": "U+0000 NULL",
    "\x0b": "U+000B LINE TABULATION",
    "\x0c": "U+000C FORM FEED",
    "\r": "U+000D CARRIAGE RETURN",
    "\x1b": "U+001B ESCAPE",
    "\x1c": "U+001C",
    "\x85": "U+0085 NEXT LINE",
    "\x9d": "U+009D OPERATING SYSTEM COMMAND",
    "\xa0": "U+00A0 NO-BREAK SPACE",
    "\xad": "U+00AD SOFT HYPHEN",
    "\u115f": "U+115F HANGUL CHOSEONG FILLER",
    "\u200b": "U+200B ZERO WIDTH SPACE",
    "\u2028": "U+2028 LINE SEPARATOR",
    "\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "\u2066": "U+2066 LEFT-TO-RIGHT ISOLATE",
    "\u3000": "U+3000 IDEOGRAPHIC SPACE",
    "\ufe0e": "U+FE0E VARIATION SELECTOR-15",
    "\ufeff": "U+FEFF ZERO WIDTH NO-BREAK SPACE",
    "\ud800": "U+D800",
    "\ue000": "U+E000",
    "\U000e0041": "U+E0041 TAG LATIN CAPITAL LETTER A",
    "\U000e0100": "U+E0100 VARIATION SELECTOR-17",
    "\U0010ffff": "U+10FFFF",
}


@pytest.mark.parametrize(("character", "name"), HIDDEN.items(), ids=ascii)
def test_a_hidden_character_is_named_and_shown(character: str, name: str) -> None:
    line = f"a{character}b{character}"
    assert hidden_characters(line) == (name,)
    assert shown_line(line).count(f"⟦{name.split()[0]}⟧") == 2
    assert shown_line(line).isprintable()


def test_ordinary_code_hides_nothing_and_is_shown_as_it_is() -> None:
    code = "def größe(x):\n    return '✅ ⚠️ 日本語 naïve' + f'{x}'  # …"
    assert hidden_characters(code + "\n\tx\n") == ()
    assert [shown_line(line) for line in lines_of(code)] == code.split("\n")


def test_the_style_of_an_emoji_is_not_hidden_elsewhere_it_is() -> None:
    assert hidden_characters("'⚠️'") == ()
    assert hidden_characters("'a️️'") == ("U+FE0F VARIATION SELECTOR-16",)
    assert hidden_characters("'⚠️️'") == ("U+FE0F VARIATION SELECTOR-16",)


@pytest.mark.parametrize(
    "line",
    ["", " ", "\t", "a \t ", "\t   x", "␉   ", "␣", "a  ", "⟦U+0041⟧", "⟦", "⟧", "␉\t", "⟦␣ ", "⚠️"],
    ids=ascii,
)
def test_no_two_lines_look_alike(line: str) -> None:
    assert Notation().read(shown_line(line)) == line
    assert not shown_line(line).endswith(" ") or line.endswith("\t")


def test_all_characters_there_are_come_back() -> None:
    for start in range(0, 0x110000, 0x1000):
        line = "".join(map(chr, range(start, start + 0x1000))).replace("\n", "")
        assert Notation().read(shown_line(line)) == line


def test_only_a_newline_ends_a_line() -> None:
    assert lines_of("a\rb\x0bc\x0cd\x1ce\x85f\u2028g\n\nh\n") == [
        "a\rb\x0bc\x0cd\x1ce\x85f\u2028g", "", "h",
    ]  # fmt: skip
    assert lines_of("") == [""]
