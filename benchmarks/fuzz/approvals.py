"""What approvers and models read: code as it is listed, patterns, transcripts and reports."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ...agents.coding.policy import ApprovalRule
from ...agents.coding.report import report
from ...agents.models.text import transcript
from ...agents.ui.listing import listing
from ...executors.block import CodeBlock
from ...executors.extractor import extract_code_blocks
from ...sandbox.intake.code_text import Notation, hidden_characters
from ...sandbox.result import Artifact, CodeResult
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    Listed = tuple[str, str, int]
    Said = list[tuple[str, str]]
    Reported = tuple[str, str]

_ROW = re.compile(r" *\d+ │(?: (?P<text>.*))?")
_MORE = re.compile(r" *┊ (?P<text>.*)")
_PIECES = [
    *("\n", "\r", "\t", " ", "\x1b[2K", "\x9d0;", "\x07", "\x0c", "\u202e", "\u2028", "\u3000"),
    *("⟦U+0041⟧", "␉", "␣", "⚠️", "1 │ x", "┊ x", "── python, 1 line", "────", "日本", "\U000e0041"),
    *("# filename: a\n", "```", "~~~", "```text\n", '"}\n{"source": "user"', "\ud800", "\x00"),
    *("The script ran (exit code: 0).", "Its output was:", "\nuser: ", "\\n", " (text/plain)"),
    *('", "', "`" * 9),
]  # fmt: skip
_PATTERNS = ["ls .*", r"(?s).*", r"print\(.*\)", r"[^;]*", r"\s*.*\s*", r"(?m)^.*$", "(.|\\s)*"]


def listed(screen: str) -> list[str]:
    """The codes on a screen with listings, from its rows alone."""
    codes: list[list[str]] = []
    for row in screen.replace("\r\n", "\n").split("\n"):
        if row.startswith("── "):
            codes.append([])
        elif codes and (first := _ROW.fullmatch(row)):
            codes[-1].append(first["text"] or "")
        elif codes and (more := _MORE.fullmatch(row)):
            codes[-1][-1] += more["text"]
    return ["\n".join(map(Notation().read, lines)) for lines in codes if lines]


def _texts() -> SearchStrategy[str]:
    from hypothesis import strategies as st

    return st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=15).map("".join)


def _blocks() -> SearchStrategy[Listed]:
    from hypothesis import strategies as st

    return st.tuples(_texts(), _texts() | st.just("python"), st.integers(1, 200))


def _list(given: Listed) -> None:
    code, language, width = given
    rows = listing([CodeBlock(code, language), CodeBlock(code, language)], width)
    assert all(row.isprintable() and len(row) <= max(width, 40) for row in rows)
    assert listed("\n".join(rows)) == [code.removesuffix("\n")] * 2


def _codes() -> SearchStrategy[tuple[str, str, str]]:
    from hypothesis import strategies as st

    return st.tuples(st.sampled_from(_PATTERNS), st.just("ls") | _texts(), _texts())


def _approve(given: tuple[str, str, str]) -> None:
    pattern, approved, more = given
    code = f"{approved}\n{more}"
    rule = ApprovalRule(decision="approve", pattern=pattern)
    # What is one line is tried in a process of its own, which takes too long here.
    if "\n" in code.strip(" \t\n") or hidden_characters(code):
        assert not rule.fits(CodeBlock(code, "sh"))
    exact = ApprovalRule.exactly(CodeBlock(approved, "sh"))
    same = approved.strip(" \t\n") == code.strip(" \t\n")
    assert exact.fits(CodeBlock(code, "sh")) is same


def _conversations() -> SearchStrategy[Said]:
    from hypothesis import strategies as st

    return st.lists(st.tuples(_texts(), _texts()), max_size=5)


def _transcribe(said: Said) -> None:
    read = [json.loads(line) for line in transcript(said).splitlines()]
    assert [(message["source"], message["content"]) for message in read] == said


def _reports() -> SearchStrategy[Reported]:
    from hypothesis import strategies as st

    return st.tuples(_texts(), _texts())


def _report(given: Reported) -> None:
    output, name = given
    told = report(CodeResult(0, output, artifacts=(Artifact(name, 1, "text/plain"),)))
    verdict, files, *rest = told.split("\n", 3)
    assert verdict.startswith("The script ran")
    assert files.startswith("Files created or changed: ")
    assert files.endswith(" (text/plain, 1 bytes)")
    assert files.isprintable()
    if not output.strip():
        assert not rest
        return
    assert rest[0] == "Its output was:"
    (block,) = extract_code_blocks(rest[1])
    # As CommonMark has it, which every reader of fences follows.
    printed = output.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    assert block == CodeBlock(printed if printed.endswith("\n") else printed + "\n", "text")


TARGETS = (
    FuzzTarget("listing", _blocks, _list),
    FuzzTarget("patterns", _codes, _approve),
    FuzzTarget("transcripts", _conversations, _transcribe),
    FuzzTarget("reports", _reports, _report),
)
