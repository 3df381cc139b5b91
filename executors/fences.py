"""Writes a fence of Markdown that its content cannot end."""

from __future__ import annotations

import re

_RUNS = re.compile("`+|~+")
_NOT_IN_INFO = re.compile(r"[^\w+#./-]")
_LONGEST_INFO = 40


def fenced(text: str, info: str = "") -> str:
    """``text`` as a fenced code block (CommonMark 0.31, section 4.5), in linear time.

    The fence is longer than each run of its character inside, so that the first one that could
    close the block is the one that does. ``info`` may come from anywhere, too: what could end its
    line or the fence is replaced in it.
    """
    longest = {"`": 2, "~": 2}
    for run in _RUNS.findall(text):
        longest[run[0]] = max(longest[run[0]], len(run))
    # Tildes for what would need an absurd fence of backticks, which most models know better.
    character = "~" if longest["~"] < longest["`"] > 1000 else "`"
    fence = character * (longest[character] + 1)
    end = "" if text.endswith("\n") else "\n"
    return f"{fence}{_NOT_IN_INFO.sub('_', info[:_LONGEST_INFO])}\n{text}{end}{fence}"


def code_span(text: str) -> str:
    """``text``, of one line, as a code span (section 6.1), likewise."""
    longest = max((len(run) for run in _RUNS.findall(text) if run[0] == "`"), default=0)
    ends = "`" * (longest + 1)
    space = " " if text[:1] in " `" or text[-1:] in " `" else ""
    return f"{ends}{space}{text}{space}{ends}"
