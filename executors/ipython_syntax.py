"""Python with IPython's additions, as plain Python.

Nothing is compiled here to find them: compiling takes memory and stack as whoever wrote the code
likes.
"""

from __future__ import annotations

import re

from ..sandbox.errors import UsageError

_SHELL_LINE = re.compile(r"(?P<indent>[ \t]*+)!(?P<command>.*)")
_MAGIC_LINE = re.compile(r"(?P<indent>[ \t]*+)%(?P<name>\w+)")
_HARMLESS = frozenset(["config", "load_ext", "matplotlib"])
"""Line magics about how things are shown, without which the code does the same."""
_ADDITION = re.compile(r"^[ \t]*+[!%]", re.MULTILINE)
_TOKEN = re.compile(
    r"""
    \#[^\n]*+
    | (?P<quotes>\"{3}|'{3})(?:\\.|(?!(?P=quotes)).)*+(?:(?P=quotes)|\Z)
    | "(?:\\.|[^"\\\n])*+ "?
    | '(?:\\.|[^'\\\n])*+ '?
    | \\\n
    | (?P<opens>[\[({]) | (?P<closes>[\])}]) | (?P<ends>\n)
    """,
    re.DOTALL | re.VERBOSE,
)
"""All that decides where a logical line ends ("Lexical analysis" in Python's reference)."""


def plain_python(code: str, number: int) -> str:
    """The code of a cell without IPython's additions, which stand at the beginning of lines.

    Parameters
    ----------
    number:
        That of the cell, for errors.

    Raises
    ------
    UsageError
        It uses what only IPython can run.
    """
    if not _ADDITION.search(code):
        return code
    parts: list[str] = []
    start = 0
    while start < len(code):
        if _ADDITION.match(code, start):
            end = code.find("\n", start) + 1 or len(code)
            parts.append(_plain_line(code[start:end], number))
        else:
            end = _end_of_logical_line(code, start)
            parts.append(code[start:end])
        start = end
    return "".join(parts)


def _end_of_logical_line(code: str, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(code, start):
        if token["opens"]:
            depth += 1
        elif token["closes"]:
            depth = max(depth - 1, 0)
        elif token["ends"] and not depth:
            return token.end()
    return len(code)


def _plain_line(line: str, number: int) -> str:
    shell = _SHELL_LINE.match(line)
    if shell:
        call = f'__import__("subprocess").run({shell["command"]!r}, shell=True)'
        return f"{shell['indent']}{call}{line[shell.end() :]}"
    magic = _MAGIC_LINE.match(line)
    if magic is None:
        return line
    if magic["name"] not in _HARMLESS:
        raise UsageError(f"Cell {number} uses %{magic['name'][:40]}, which only IPython can run.")
    return f"{magic['indent']}pass  # {line.lstrip()}"
