"""Bytes as messages: what is taken, and what is not."""

from __future__ import annotations

import json

import pytest

from sandcrew.executors.jupyter.messages import (
    KEPT_OF_STREAM,
    MAX_CONTENT,
    MAX_DEPTH,
    Malformed,
    parse,
)

HEADER = json.dumps({"msg_type": "stream"}).encode()
PARENT = json.dumps({"msg_id": "7"}).encode()


def frames(content: bytes, header: bytes = HEADER, parent: bytes = PARENT) -> list[bytes]:
    return [b"topic", b"<IDS|MSG>", b"signature", header, parent, b"{}", content]


def test_a_message_is_its_type_its_request_and_its_content() -> None:
    message = parse(frames(b'{"name": "stdout", "text": "x"}'))
    assert (message.kind, message.parent) == ("stream", "7")
    assert message.content == {"name": "stdout", "text": "x"}


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [b"<IDS|MSG>"],
        [b"x"] * 20,
        frames(b"{"),
        frames(b"[]"),
        frames(b"\xff\xfe"),
        frames(b"{}", header=b"{}"),
        frames(b"{}", header=b'{"msg_type": 5}'),
        frames(b"{}", parent=b'{"msg_id": []}'),
        frames(b"{}", header=b'{"msg_type": "' + b"x" * (1 << 17) + b'"}'),
        frames(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        frames(b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}"),
        frames(b'{"a": ' + b"9" * 5000 + b"}"),
        frames(b'{"a": "' + b"x" * MAX_CONTENT + b'"}'),
    ],
)
def test_what_is_no_message_is_refused(bad: list[bytes]) -> None:
    with pytest.raises(Malformed):
        parse(bad)


@pytest.mark.parametrize("unit", ["x", "é", "\n", '"', "\\", "😀", "\x00"])
@pytest.mark.parametrize("escaped", [True, False])
def test_of_a_text_too_long_to_be_parsed_head_and_tail_are_kept(unit: str, escaped: bool) -> None:
    text = "HEAD" + unit * (MAX_CONTENT // len(unit.encode()) + 10) + "TAIL"
    content = {"name": "stderr", "text": text}
    taken = parse(frames(json.dumps(content, ensure_ascii=escaped).encode())).content
    assert taken["name"] == "stderr"
    assert taken["text"].startswith("HEAD" + unit)
    assert taken["text"].endswith(unit + "TAIL")
    assert "bytes dropped" in taken["text"]
    assert len(taken["text"]) <= 2 * KEPT_OF_STREAM + 100


def test_depth_is_counted_through_lists_and_objects() -> None:
    value: object = 1
    for number in range(MAX_DEPTH - 1):
        value = [value] if number % 2 else {"a": value}
    assert parse(frames(json.dumps({"a": value}).encode())).content == {"a": value}
    with pytest.raises(Malformed):
        parse(frames(json.dumps({"a": [value]}).encode()))
