"""What counts as a code block, and in which language."""

from __future__ import annotations

import pytest

from sandcrew.executors import CodeBlock, extract_code_blocks


def only(markdown: str) -> CodeBlock:
    (block,) = extract_code_blocks(markdown)
    return block


@pytest.mark.parametrize(
    ("markdown", "code"),
    [
        ("```python\nx\n```", "x\n"),
        ("~~~python\nx\n~~~", "x\n"),
        ("`````python\n```\nx\n```\n`````", "```\nx\n```\n"),
        ("~~~python\n```\nx\n```\n~~~", "```\nx\n```\n"),
        ("```python\r\nx\r\ny\r\n```\r\n", "x\ny\n"),
        ("```python\nx\ny", "x\ny"),
        ("```python\nx\n``\n", "x\n``\n"),
        ("   ```python\n   x\n     y\n   ```", "x\n  y\n"),
        ("1. Do:\n\n   ```python\n   x\n     y\n   ```\n", "x\n  y\n"),
        ("- a\n  - b\n    ```python\n    x\n    ```\n", "x\n"),
        ("> Quoted:\n> ```python\n> x\n> ```\n", "x\n"),
        ("```python\n\n\nx\n\n```", "\n\nx\n\n"),
        ("Text\n```python\nx\n```\nmore text", "x\n"),
    ],
)
def test_a_fence_gives_its_text(markdown: str, code: str) -> None:
    assert only(markdown) == CodeBlock(code, "python")


@pytest.mark.parametrize(
    "markdown",
    [
        "",
        "no code here",
        "    print('indented code is an illustration')\n",
        "`inline code`, and ``` in a ``` sentence",
        "<!--\n```python\nx\n```\n-->",
        "``\nx\n``",
    ],
)
def test_what_is_no_fence_is_no_block(markdown: str) -> None:
    assert extract_code_blocks(markdown) == []


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("Python", "python"),
        (" py ", "python"),
        ("python3", "python"),
        ("shell", "sh"),
        ("console", "bash"),
        ("js", "javascript"),
        ("c++", "c++"),
        ("c#", "c#"),
        ("text", "text"),
        ('python title="x" {.numberLines}', "python"),
        ("python{1,3-4}", "python"),
        ("python {linenos=true}", "python"),
        ("python:pkg/mod.py", "python"),
        ("python,ignore", "python"),
        ("{python}", "python"),
        ("{python, echo=FALSE}", "python"),
        ("{.python}", "python"),
        ("{.python .numberLines}", "python"),
        ('{#id .python startFrom="1"}', "python"),
        ("{r}", "r"),
        ("py&#116;hon", "python"),
    ],
)
def test_the_info_string_names_the_language(info: str, language: str) -> None:
    assert only(f"~~~ {info}\n\n~~~").language == language


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("import os", "python"),
        ("print('hello')", "python"),
        ("def f():\n    pass", "python"),
        ("for x in y:\n    x += 1", "python"),
        ("#!/usr/bin/env python3\nx", "python"),
        ("#!/usr/bin/env -S python3.11 -u\nx", "python"),
        ("#!/bin/bash\nls", "bash"),
        ("#! /bin/sh\nls", "sh"),
        ("#!/usr/bin/env node\nx()", "javascript"),
        ("$ ls", "bash"),
        (">>> 1 + 1\n2", "python"),
        ("pip install pandas", "sh"),
        ("hello", ""),
        ("Hello, world!", ""),
        ("name: value", ""),
        ('{"a": [1, 2]}', ""),
        ("x = 1", ""),
        ("a | b", ""),
        ("", ""),
        ("(" * 10_000, ""),
        ("-" * 90_000 + "f()", ""),
    ],
)
def test_a_language_that_is_not_named_is_inferred_if_that_is_plain(
    code: str, language: str
) -> None:
    assert only(f"```\n{code}\n```").language == language


@pytest.mark.parametrize(
    ("info", "transcript", "code"),
    [
        ("console", "$ ls -l\ntotal 0\n$ pwd\n/tmp\n", "ls -l\npwd\n"),
        ("console", "me@host:~/x$ ls\nfile\n", "ls\n"),
        ("console", "(venv) $ pip list\npip 24\n", "pip list\n"),
        ("console", "$ echo a \\\n>   b\na b\n", "echo a \\\n  b\n"),
        ("console", "ls\npwd\n", "ls\npwd\n"),
        ("bash", "$ ls\nfile\n", "ls\n"),
        ("bash", "echo $HOME\n", "echo $HOME\n"),
        ("pycon", ">>> x = 1\n>>> x\n1\n", "x = 1\nx\n"),
        ("python", ">>> if x:\n...     y()\n...\n>>> z\n1\n", "if x:\n    y()\n\nz\n"),
        ("pycon", "x = 1\n", "x = 1\n"),
    ],
)
def test_a_transcript_loses_its_prompts_and_output(info: str, transcript: str, code: str) -> None:
    assert only(f"```{info}\n{transcript}```").code == code


def test_blocks_come_in_order() -> None:
    markdown = "```py\n1\n```\ntext\n```sh\n2\n```\n\n> ```js\n> 3\n> ```\n"
    assert extract_code_blocks(markdown) == [
        CodeBlock("1\n", "python"),
        CodeBlock("2\n", "sh"),
        CodeBlock("3\n", "javascript"),
    ]


def test_a_block_of_5_megabytes_is_one_block() -> None:
    code = "x = 1\n" * 850_000
    assert only(f"```python\n{code}```").code == code


def test_a_hundred_thousand_fences_are_as_many_blocks() -> None:
    assert len(extract_code_blocks("```py\nx\n```\n" * 100_000)) == 100_000


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "hostile",
    [
        # markdown-it alone needs hours for this one: it is quadratic.
        "> ```\na\n" * 50_000,
        ">" * 1_000_000 + "```\n",
        "- " * 100_000 + "```\n",
        "".join(" " * (2 * depth) + "- ```\n" for depth in range(2_000)),
        '[a]: b "\n' * 50_000 + "```",
        "```console\n" + "a@" * 1_000_000,
        "```" + "{" * 1_000_000 + "\n",
        "```\n" + "[" * 90_000,
    ],
    ids=range(8),
)
def test_hostile_text_takes_linear_time(hostile: str) -> None:
    extract_code_blocks(hostile)
