"""The reader of frames: any bytes, in chunks of any size, give frames or one ProtocolError."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ...sandbox.guest.protocol import Decoder, ProtocolError
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_Chunks = list[bytes]


def _head(header: int, body: int) -> bytes:
    return struct.pack(">II", header, body)


def _whole(header: bytes, body: bytes) -> bytes:
    return _head(len(header), len(body)) + header + body


def _chunks() -> SearchStrategy[_Chunks]:
    from hypothesis import strategies as st

    lengths = st.integers(0, 40) | st.integers(0, 2**32 - 1)
    head = st.builds(_head, lengths, lengths)
    header = st.sampled_from([b"{}", b'{"op":"x"}', b"[[", b"null", b'"\xff"', b'{"a":1e999}'])
    whole = st.builds(
        _whole,
        header | st.binary(max_size=40),
        st.binary(max_size=40),
    )
    return st.lists(whole | head | st.binary(max_size=20), max_size=8)


def _decode(chunks: _Chunks) -> None:
    decoder = Decoder()
    size = sum(map(len, chunks))
    try:
        frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    except ProtocolError:
        return
    assert all(type(header) is dict for header, _ in frames)
    assert sum(len(body) + 8 for _, body in frames) <= size


TARGETS = (FuzzTarget("protocol", _chunks, _decode),)
