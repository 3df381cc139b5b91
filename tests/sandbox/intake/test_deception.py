# ruff: noqa: RUF001  The letters that look like others are the subject.
"""Code that looks like other code: letters, marks and directions that are not what they seem."""

from __future__ import annotations

import pytest

from sandcrew.sandbox.intake.code_text import Notation, hidden_characters, shown_line

DECEIVES = {
    "a Cyrillic o": ("import \u043es", ["043E"]),
    "a Cyrillic c in a path": ("open('/et\u0441/passwd')", ["0441"]),
    "a Greek capital": ("\u0391DMIN = True", ["0391"]),
    "an Armenian letter in a command": ("c\u0585py secret", ["0585"]),
    "a long s, which Python reads as s": ("os.\u017fystem('id')", ["017F"]),
    "a letter after an escape": ("'\\n\u0430dmin'", ["0430"]),
    "a semicolon of Greek": ("a = 1\u037e b = 2", ["037E"]),
    "a backquote of Greek": ("x = \u1fefid\u1fef", ["1FEF"]),
    "the sign of Kelvin": ("\u212aey = 1", ["212A"]),
    "an accent apart from its letter": ("name == 'Jose\u0301'", ["0301"]),
    "a stroke through an operator": ("if a =\u0338= b:", ["0338"]),
    "a stroke through letters": ("# d\u0336o\u0336 it", ["0336"]),
    "a circle around a bracket": ("f(\u20dd)", ["20DD"]),
    "marks that reach the rows above": ("# \u0bae\u0300\u0301\u0302\u0303\u0304", ["0303", "0304"]),
    "a vowel of Hangul without a letter": ("a\u1161b", ["1161"]),
    "a final of Hangul without a letter": ("a\ud7cbb", ["D7CB"]),
    "arguments that change places": ("f('\u05d0', 1, '\u05d1')", ["05D0", "05D1"]),
    "a condition that changes its sides": ("\u0627 = 1 if x else 2", ["0627"]),
    "a number that is subtracted elsewhere": ("total['\u05d0'] + 5", ["05D0"]),
}
HONEST = [
    "print('Привет, мир! О чём это? а, о, с, у')  # сор хор",
    "raise ValueError('Это не число:\\n42')",
    "Δx = π * μ_0 / λ**2 + ρ_air  # Größe, naïve, Ærøskøbing, İstanbul",
    "'Tiếng Việt', 'हिन्दी में', 'ภาษาไทยที่นี่', '한국어', '日本語のＡＰＩ', 'Ελληνικά'",
    "# שלום עולם, מה שלומך?",
    "x = 'مرحبا'",
    "'✅ ⚠️ 👩🏽‍💻 1️⃣ ™ № ½ x²'",
]


@pytest.mark.parametrize("name", DECEIVES)
def test_what_looks_like_other_code_is_hidden_and_shown_as_a_number(name: str) -> None:
    code, numbers = DECEIVES[name]
    assert [found.split()[0] for found in hidden_characters(code)] == [f"U+{n}" for n in numbers]
    shown = shown_line(code)
    assert all(f"⟦U+{number}⟧" in shown for number in numbers)
    assert Notation().read(shown) == code


@pytest.mark.parametrize("line", HONEST)
def test_what_people_write_in_their_languages_is_shown_as_it_is(line: str) -> None:
    assert hidden_characters(line) == ()
    assert shown_line(line) == line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r"])
def test_a_terminal_of_few_characters_shows_all_lines_apart(encoding: str) -> None:
    lines = [
        "é",
        r"\xe9",
        "<U+00E9>",
        "<U+003C>",
        "日本 <",
        "│ ␉ ␣ ⟦",
        "\t",
        "␉   ",
        "a  ",
        "\x1b",
        "a<b",
    ]
    shown = [shown_line(line, encoding) for line in lines]
    assert len(set(shown)) == len(lines)
    assert [Notation.ASCII.read(text) for text in shown] == lines
    assert all(text.encode(encoding) and text.isprintable() for text in shown)
    assert shown[-1] == "a<b"


def test_hostile_lengths_take_linear_time() -> None:
    """Each of them would take hours if a rule looked back from every place."""
    for piece in (
        "\u0315\u0300",
        "\u05d0'",
        "\u05d0'1",
        "a\u0430",
        "\\n\u0430x",
        "\u1161",
        "e\u0301",
    ):
        assert hidden_characters(piece * 300_000)
