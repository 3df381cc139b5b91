"""Regular expressions on text that somebody hostile wrote.

The time an expression of :mod:`re` takes may be exponential in the text, that of normalising a text
quadratic, and nothing can interrupt them in their own process. So both happen in a child process
that the kernel kills.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT = 1_000_000
"""Characters of a text that is looked at."""
_CPU = 1
"""Second of processor time for all expressions together."""
_WALL = 60.0
"""Seconds after which a child that gets no processor is given up."""
_MEMORY = 1 << 30

_CHILD = f"""
import functools, json, re, resource, sys, unicodedata
resource.setrlimit(resource.RLIMIT_CPU, ({_CPU}, {_CPU}))
resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY}))
given = json.load(sys.stdin)
text = given["text"]
normal = functools.cache(lambda: unicodedata.normalize("NFKC", text))
for pattern, whole in given["searches"]:
    if whole:
        found = re.fullmatch(pattern, text) is not None
    else:
        # A dot and a caret that mean one line, or all of them: whichever finds something.
        found = any(re.search(pattern, form(), re.MULTILINE | flag)
                    for form in (lambda: text, normal) for flag in (0, re.DOTALL))
    print(int(found), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for."""

    pattern: str
    whole: bool
    """The pattern has to match all of the text.

    Else any part, as the text is or in NFKC: to Python, identifiers are the same in all forms of
    their letters (PEP 3131).
    """


def find(searches: Sequence[Search], text: str) -> tuple[bool | None, ...]:
    """Whether each search finds something; ``None`` where that cannot be told in time."""
    unknown = (None,) * len(searches)
    if not searches or len(text) > MAX_TEXT:
        return unknown
    asked = json.dumps({"text": text, "searches": [(s.pattern, s.whole) for s in searches]})
    answers = _answers(asked.encode())[: len(searches)]
    return (*(answer == b"1" for answer in answers), *unknown[len(answers) :])


def _answers(asked: bytes) -> list[bytes]:
    """What the child said before it ended."""
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CHILD],
            input=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=_WALL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
    except OSError:
        return []
    else:
        said = ended.stdout
    return said.split(b"\n")[:-1]
