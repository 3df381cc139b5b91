"""8 MB of markup and of terminal text, of the kinds that have hung readers.

``python -m sandcrew.benchmarks.intake.texts NAME`` is one of them: by how much the process grew.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ...sandbox.intake import terminal
from ..growth import measure

SIZE = 8 << 20

_MARKUP = {
    "text/html": {
        "tags that begin": "<a ",
        "attributes that begin": '<a b="',
        "quotes that begin": '<a "',
        "comments that begin": "<!--",
        "declarations that begin": "<![x[",
        "tags inside of tags": "<b>",
        "lists inside of lists": "<ul><li>",
        "tables inside of tables": "<table><tr><td>",
        "formats that are adopted": "<b><i></b>",
        "ends of nothing": "</u>",
        "entities": "&amp;&#1114112;&",
        "text": "x ",
    },
    "text/markdown": {
        "brackets": "[",
        "links that begin": "[a](",
        "emphasis": "*a_",
        "quotes inside of quotes": "> ",
        "code that begins": "`a``",
        "lists inside of lists": "* ",
        "tags that begin": "<a ",
        "text": "x ",
    },
    "text/latex": {"braces": "{", "mathematics": "$", "commands": "\\href{", "text": "x "},
    "image/svg+xml": {
        "groups inside of groups": "<g>",
        "attributes that begin": '<g a="',
        "comments that begin": "<!--",
        "text": "<g/>",
    },
}
_TERMINAL = {
    "strings that begin": "\x9d",
    "strings that begin, in ASCII": "\x1b]",
    "sequences that begin": "\x1b[",
    "parameters": "\x1b[0;",
    "two kinds of strings": "\x9d\x90",
    "returns": "\r",
    "colours": "\x1b[31mx\x1b[0m",
    "text": "x ",
}
TEXTS: dict[str, tuple[str, str]] = {
    **{
        f"{kind}: {name}": (kind, unit)
        for kind, units in _MARKUP.items()
        for name, unit in units.items()
    },
    **{f"terminal: {name}": ("terminal", unit) for name, unit in _TERMINAL.items()},
}


def take_in(kind: str, text: str) -> Any:
    """What the host does with a text of this kind."""
    if kind == "terminal":
        return terminal.clean(text)
    forms: Any = importlib.import_module("sandcrew.sandbox.intake.forms")
    return forms.safe_forms({"text/plain": "", kind: text})


def main(name: str) -> None:
    """Take this text in."""
    kind, unit = TEXTS[name]
    start, end = (
        ('<svg xmlns="http://www.w3.org/2000/svg">', "</svg>") if "svg" in kind else ("", "")
    )
    take_in(kind, start + unit + end)  # what is loaded for it is no growth
    text = start + unit * (SIZE // len(unit)) + end
    print(measure(lambda: take_in(kind, text)).bytes)


if __name__ == "__main__":
    main(sys.argv[1])
