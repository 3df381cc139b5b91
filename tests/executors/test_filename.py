"""The directive by which a block names its file."""

from __future__ import annotations

import pytest

from sandcrew.executors import CodeBlock, UsageError, block_filename


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("# filename: a.py\nx", "a.py"),
        ("#filename:a.py", "a.py"),
        ("// filename: src/a.js\nx", "src/a.js"),
        ("<!-- filename: a.html -->\nx", "a.html"),
        ("  # filename:   pkg/sub/mod.py  \r\nx", "pkg/sub/mod.py"),
        ("# filename: ./pkg//mod.py", "pkg/mod.py"),
        ("# filename: with space.py", "with space.py"),
        ("# filename: ünïcode.py", "ünïcode.py"),
        ("# filename: ..a.py", "..a.py"),
        ("# filepath: a.py", None),
        ("x\n# filename: a.py", None),
        ("print('# filename: a.py')", None),
        ("", None),
    ],
)
def test_the_first_line_may_name_a_file(code: str, name: str | None) -> None:
    assert block_filename(CodeBlock(code, "python")) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a/",
        "a/.",
        "/etc/passwd",
        "../a.py",
        "a/../../b",
        "a/..",
        "a\0b",
        "a\x1bb",
        "\ud800",
        "x" * 256,
        "é" * 128,
        "/".join(["dir" * 20] * 19),
        "a/" * 30 + "b",
    ],
)
def test_a_name_that_is_no_file_of_the_workspace_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="filename is not in the workspace"):
        block_filename(CodeBlock(f"# filename: {name}\n", "python"))
