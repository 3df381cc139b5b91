"""Reads code from the screen of the person who is asked about it."""

from __future__ import annotations

import re

from sandcrew.sandbox.intake.code_text import read_line

_FIRST = re.compile(r" *\d+ │(?: (?P<text>.*))?")
_MORE = re.compile(r" *┊ (?P<text>.*)")


def listed(screen: str) -> list[str]:
    """The codes that are listed, from the rows of a terminal alone."""
    codes: list[list[str]] = []
    for row in screen.replace("\r\n", "\n").split("\n"):
        if row.startswith("── "):
            codes.append([])
        elif codes and (first := _FIRST.fullmatch(row)):
            codes[-1].append(first["text"] or "")
        elif codes and (more := _MORE.fullmatch(row)):
            codes[-1][-1] += more["text"]
    return ["\n".join(map(read_line, lines)) for lines in codes if lines]
