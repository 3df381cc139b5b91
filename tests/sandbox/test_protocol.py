"""Frames: what is not one ends the conversation, and costs nothing."""

from __future__ import annotations

import json
import random
import struct

import pytest

from sandcrew.sandbox.guest.protocol import (
    MAX_BODY,
    MAX_HEADER,
    Decoder,
    Frame,
    ProtocolError,
    encode,
)


def test_frames_survive_any_cut_of_the_stream() -> None:
    frames: list[Frame] = [
        ({"a": 1}, b""),
        ({}, b"body"),
        ({"text": "ü" * 1000}, bytes(range(256)) * 20),
    ]
    stream = b"".join(encode(*frame) for frame in frames)
    for size in (1, 7, 4096, len(stream)):
        decoder = Decoder()
        chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert [frame for chunk in chunks for frame in decoder.feed(chunk)] == frames


@pytest.mark.parametrize(
    "lengths", [(MAX_HEADER + 1, 0), (2, MAX_BODY + 1), (2**32 - 1, 2**32 - 1)]
)
def test_a_length_over_the_limit_is_refused_before_anything_is_kept(
    lengths: tuple[int, int],
) -> None:
    with pytest.raises(ProtocolError, match="too large"):
        list(Decoder().feed(struct.pack(">II", *lengths)))


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000]
)
def test_a_header_that_is_no_object_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Decoder().feed(struct.pack(">II", len(header), 0) + header))


def test_a_frame_too_large_to_be_read_is_not_sent() -> None:
    with pytest.raises(ProtocolError):
        encode({"text": "x" * MAX_HEADER})


def test_hostile_bytes_give_frames_or_one_error_and_nothing_else() -> None:
    chance = random.Random(2026)
    whole = encode({"op": "exited", "id": 1}, b"x" * 100)
    for _ in range(20_000):
        data = bytearray(whole * 2)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        decoder = Decoder()
        try:
            for header, body in decoder.feed(bytes(data)):
                json.dumps(header)
                assert isinstance(body, bytes)
        except ProtocolError:
            pass
