"""Finds the code blocks of a message: CommonMark fences, and what their info strings mean.

Pure: text in, values out. ``markdown-it-py`` does the block structure (it is imported at the first
call), :mod:`.transcripts` takes prompts and output out of console transcripts.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

from .block import CodeBlock, canonical_language
from .transcripts import is_transcript, python_commands, shell_commands

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

MAX_NESTING = 20
"""Quotes and lists inside each other that are looked into; deeper text is not parsed."""
MAX_INFERENCE = 100_000
"""Characters of an untagged block up to which its language is guessed."""

_ATTRIBUTES = re.compile(r"\{\s*(?P<inside>[^}]*)\}?")
_WORD = re.compile(r"[^\s{},:=]+")
_CLASS = re.compile(r"(?:^|\s)\.(?P<name>[^\s.#=]+)")
_SHEBANG = re.compile(r"#!\s*(?P<program>\S+)(?P<arguments>[^\n]*)")
_SHELL_COMMAND = re.compile(
    r"\s*(?:apt|apt-get|cat|cd|chmod|cp|curl|echo|export|git|grep|ls|make|mkdir|mv|npm|pip3?|python3?"
    r"|rm|sudo|tar|touch|uv|wget)\s"
)


def extract_code_blocks(markdown: str) -> list[CodeBlock]:
    """The fenced code blocks of a message, in order, in canonical languages.

    Fences are those of CommonMark 0.31 (section 4.5): of backticks or tildes, any length from
    three, in lists and quotes too (dedented), the last one perhaps unclosed. Indented code
    (section 4.4) is an illustration and not returned. A block without a language gets one if its
    text shows it to be Python or shell, else ``""``; transcripts (``$ ls``, ``>>> 1 + 1``) lose
    prompts and output. Time is linear in the length of the message.
    """
    if "```" not in markdown and "~~~" not in markdown:
        return []
    tokens = _parser().parse(markdown, {"quote_budget": 4 * markdown.count("\n") + 10_000})
    return [_block(token.info, token.content) for token in tokens if token.type == "fence"]


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Inline markup and link definitions cannot change where a fence is, and definitions can be
    # made to cost quadratic time.
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    parser.disable(["inline", "reference"])
    parser.block.ruler.at(
        "blockquote", _bounded_blockquote, {"alt": ["paragraph", "blockquote", "list"]}
    )
    return parser


def _bounded_blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The quote rule, until an absurd message has used up its budget.

    A fence in a quote that a lazy line follows makes markdown-it parse the rest of the quote
    again, which is quadratic; honest text needs about three calls a line.
    """
    from markdown_it.rules_block import blockquote

    state.env["quote_budget"] -= 1
    return state.env["quote_budget"] > 0 and blockquote(state, start, end, silent)


def _block(info: str, code: str) -> CodeBlock:
    from markdown_it.common.utils import unescapeAll

    tag = _language_tag(unescapeAll(info))
    language = canonical_language(tag) if tag else _infer_language(code)
    if is_transcript(tag, language, code):
        code = python_commands(code) if language == "python" else shell_commands(code)
    return CodeBlock(code, language)


def _language_tag(info: str) -> str:
    r"""The language an info string names: its first word, in several dialects.

    ``python title="x"``, ``python{1,3}``, ``python:pkg/mod.py``, ``{python}``, ``{python, echo=F}``
    (R Markdown), ``{.python .numberLines}``, ``{#id .python}`` (Pandoc, fenced_code_attributes).
    """
    info = info.strip()
    attributes = _ATTRIBUTES.match(info)
    if attributes:
        info = attributes["inside"].strip()
        named = _CLASS.search(info)
        if named:
            return named["name"]
    word = _WORD.match(info)
    if word is None or info[word.end() :].startswith("="):
        return ""
    return "" if word[0].startswith("#") else word[0].lstrip(".")


def _infer_language(code: str) -> str:
    """``"python"``, a shell, another interpreter a shebang names, or ``""``."""
    shebang = _SHEBANG.match(code)
    if shebang:
        return _interpreter(shebang["program"], shebang["arguments"].split())
    if code.startswith(">>> "):
        return "python"
    if code.startswith("$ "):
        return "bash"
    if len(code) > MAX_INFERENCE:
        return ""
    if _looks_like_python(code):
        return "python"
    return "sh" if _SHELL_COMMAND.match(code) else ""


def _interpreter(program: str, arguments: list[str]) -> str:
    name = program.rpartition("/")[2]
    if name == "env":
        named = [word for word in arguments if not word.startswith("-") and "=" not in word]
        name = named[0].rpartition("/")[2] if named else ""
    return canonical_language(name.rstrip("0123456789."))


_CODE_LIKE = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.With,
    ast.Try,
    ast.Assert,
    ast.Call,
)


def _looks_like_python(code: str) -> bool:
    """It parses, and does something: a word, JSON and ``key: value`` parse too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is the author's affair
            tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return any(isinstance(node, _CODE_LIKE) for node in ast.walk(tree))
