"""Copies of files that take no more room than what is in them."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16
_ZEROS = bytes(_CHUNK)


def copy_sparse(source: BinaryIO, size: int, target: int) -> None:
    """Write ``size`` bytes of a file, but for holes and zeros, which become holes."""
    for start, end in _extents(source, size):
        source.seek(start)
        while start < end and (chunk := source.read(min(_CHUNK, end - start))):
            if chunk != _ZEROS[: len(chunk)]:
                _write_at(target, chunk, start)
            start += len(chunk)
    os.ftruncate(target, size)


def _extents(source: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data."""
    try:
        fd = source.fileno()
    except io.UnsupportedOperation:
        yield 0, size
        return
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError:  # ENXIO: there is only a hole to the end
            return
        end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        if start < end:
            yield start, end


def _write_at(target: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(target, view, place)
        view, place = view[count:], place + count
