"""Text for a terminal: nothing it obeys is left, in time that is linear in the text."""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys

import pytest

from sandcrew.sandbox.intake.terminal import Cleaner, clean

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PARTS = [
    "\x1b", "[", "]", "P", "\x9d", "\x90", "\x9c", "\x07", "\\", "\n", "\r", "a", "0", ";", "m",
    " ", "\u200d", "\ufe0f", "\u20e3", "☺", "😀", "\u200c", "\u0645", "\u202e", "\x18", "\x9b", "ह",
]  # fmt: skip
LARGE = {
    "starts of one byte": "'\\x9d' * n",
    "starts of two": "'\\x1bP' * (n // 2)",
    "starts in turn": "'\\x90\\x98' * (n // 2)",
    "one long number": "'\\x1b[' + '0' * n",
    "sequences that never end": "'\\x1b[' * (n // 2)",
    "blanks": "'\\x1b' + ' ' * n",
    "one long string": "'\\x9d' + 'a' * n",
    "strings that are too long": "('\\x9d' + 'a' * 4097) * (n // 4098)",
    "selectors": "'\\ufe0f' * n",
}
RUN = """
from sandcrew.sandbox.intake.terminal import Cleaner, clean
n = 4_000_000
text = {text}
clean(text)
cleaner = Cleaner()
for place in range(0, len(text), 65536):
    cleaner.feed(text[place:place + 65536])
cleaner = Cleaner()
for character in text[:n // 10]:
    cleaner.feed(character)
print("done")
"""


@pytest.mark.parametrize("text", LARGE)
def test_four_megabytes_of_anything_take_seconds_of_a_processor(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(text=LARGE[text])],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (30, 30)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "done\n", done.returncode


def test_text_in_any_cut_is_as_the_whole_and_has_no_control() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        text = "".join(chance.choices(PARTS, k=chance.randrange(12)))
        cleaner, out, place = Cleaner(), "", 0
        while place < len(text):
            end = chance.randint(place + 1, len(text))
            out, place = out + cleaner.feed(text[place:end]), end
        out += cleaner.finish()
        assert out == clean(text), repr(text)
        assert not CONTROL.search(out)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b]0;x\nevil()\x07b", "a0;x\nevil()b"),
        ("\x9d" + "a" * 5000 + "\x9c", "a" * 5000),
        ("👩\u200d💻 ☺\ufe0f 1\ufe0f\u20e3", "👩\u200d💻 ☺\ufe0f 1\ufe0f\u20e3"),
        ("x\ufe0f\u200dy", "x⟦U+FE0F⟧⟦U+200D⟧y"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\ud800\u2028\u3164", "⟦U+D800⟧⟦U+2028⟧⟦U+3164⟧"),
    ],
)
def test_nothing_is_hidden(text: str, expected: str) -> None:
    assert clean(text) == expected
