"""The examples of the documents are programs that run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandcrew.executors import extract_code_blocks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/README.md"]
EXAMPLES = [block.code for block in extract_code_blocks(README) if block.language == "python"]


def test_there_is_an_example_for_each_kind_of_user() -> None:
    text = "\n".join(EXAMPLES)
    for name in ("RoundRobinGroupChat", "create_executor", "Sandbox("):
        assert name in text


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(n) for n in range(1, len(EXAMPLES) + 1)])
def test_an_example_runs_and_prints_what_it_says(
    example: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "Docker" in example:
        request.getfixturevalue("engine_with")("base")
    (tmp_path / "example.py").write_text(example)
    (tmp_path / "sales.csv").write_text("day,amount\n2026-01-05,40\n2026-01-06,2\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "default::UserWarning", "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for promised in re.findall(r"# prints: (.*)", example):
        assert promised in done.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_is_there(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    for target in re.findall(r"(?:\]\(|src=\")(?!https?:|#)([^)\"#]+)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target
