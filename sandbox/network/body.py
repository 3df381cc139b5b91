"""Bodies of HTTP/1 messages, passed on with a framing of our own (RFC 9112 sections 6 and 7)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from .refused import Malformed
from .stream import Ended, Stream

if TYPE_CHECKING:
    from .http import Framing

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_LONGEST_LINE = 1024
_TRAILERS = 64
_LAST = b"0\r\n\r\n"


Send = Callable[[bytes | memoryview], Awaitable[None]]


async def copy_body(source: Stream, send: Send, framing: Framing, *, chunked: bool) -> None:
    """Pass on a body framed by ``framing``, in chunks if ``chunked``.

    Raises
    ------
    Malformed
        Its chunks are none.
    Ended
        It ends before its end.
    """
    async for piece in _pieces(source, framing):
        if chunked:
            await send(b"".join((b"%x\r\n" % len(piece), piece, b"\r\n")))
        else:
            await send(piece)
    if chunked:
        await send(_LAST)


def _pieces(source: Stream, framing: Framing) -> AsyncIterator[memoryview]:
    if framing == "chunked":
        return _chunks(source)
    return _to_the_end(source) if framing == "close" else _exactly(source, framing)


async def _exactly(source: Stream, count: int) -> AsyncIterator[memoryview]:
    while count:
        piece = await source.receive(count)
        if not piece:
            raise Ended(f"a body ended {count:,} bytes early")
        count -= len(piece)
        yield piece


async def _to_the_end(source: Stream) -> AsyncIterator[memoryview]:
    while piece := await source.receive():
        yield piece


async def _chunks(source: Stream) -> AsyncIterator[memoryview]:
    while True:
        line = _SIZE_LINE.fullmatch(await source.read_until(b"\r\n", _LONGEST_LINE))
        if line is None:
            raise Malformed("a chunk has no size")
        size = int(line[1], 16)
        if not size:
            break
        async for piece in _exactly(source, size):
            yield piece
        if await source.read_exactly(2) != b"\r\n":
            raise Malformed("a chunk is longer than its size")
    for _ in range(_TRAILERS):  # trailers may be dropped (RFC 9110 section 6.5.1)
        if not await source.read_until(b"\r\n", _LONGEST_LINE):
            return
    raise Malformed(f"there are more than {_TRAILERS} trailers", status=431)
