"""Reads what an executor reports, as it is meant to be read."""

from __future__ import annotations

from sandcrew.executors import extract_code_blocks


def printed(report: str) -> str:
    """What the program printed, by the report: the block at its end."""
    report = report.replace("\r\n", "\n").replace("\r", "\n")  # as CommonMark has it
    blocks = extract_code_blocks(report)
    assert [block.language for block in blocks][-1:] == ["text"], report
    assert report.rstrip("`~").endswith(blocks[-1].code), report
    return blocks[-1].code


def remarks(report: str) -> str:
    """What the executor says, by the report: what is before that block."""
    blocks = extract_code_blocks(report)
    return report.rstrip("`~").removesuffix(blocks[-1].code) if blocks else report
