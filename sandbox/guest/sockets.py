"""What the sockets of a network namespace hold in memory of the kernel, asked of the kernel itself.

Sources: sock_diag(7); linux/sock_diag.h, unix_diag.h and inet_diag.h of the kernel. A filter of
system calls keeps guests from netlink, so the socket to ask by is made before that is put on.
"""

from __future__ import annotations

import os
import struct
from typing import Iterator, NamedTuple

from .bare import socket

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST, _DUMP = 1, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("IHHII")
_ATTRIBUTE = struct.Struct("HH")
_ALL_STATES = 0xFFFFFFFF
_TCP, _UDP = 6, 17
_UNIX_MESSAGE, _UNIX_MEMINFO, _UNIX_SHOW = 16, 5, 1 << 5
_INET_MESSAGE, _INET_MEMINFO, _INET_SHOW = 72, 7, 1 << 6
_MEMINFO = struct.Struct("9I")
_READ, _SENT, _QUEUED, _OPTIONS, _BACKLOG = 0, 2, 5, 6, 7
"""Places in SK_MEMINFO. What TCP has queued is partly what it has sent."""
_AT_A_TIME = 1 << 18


class Held(NamedTuple):
    """What the sockets hold that the kernel lists."""

    size: int
    sockets: int


def open_diagnosis() -> int | None:
    """A descriptor by which :func:`held` can ask later; ``None`` if this kernel does not answer."""
    try:
        fd = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG).detach()
    except OSError:
        return None
    try:
        held(fd)
    except OSError:
        os.close(fd)
        return None
    return fd


def held(diagnosis: int) -> Held:
    """The bytes that Unix, TCP and UDP sockets of the namespace hold.

    A socket that was closed before the other end had read all is not among them.

    Raises
    ------
    OSError
        The kernel does not answer.
    """
    unix = struct.pack("BBHIII8s", socket.AF_UNIX, 0, 0, _ALL_STATES, 0, _UNIX_SHOW, b"\xff" * 8)
    sizes = _sizes(diagnosis, unix, _UNIX_MESSAGE, _UNIX_MEMINFO)
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in (_TCP, _UDP):
            inet = struct.pack("BBBBI48s", family, protocol, _INET_SHOW, 0, _ALL_STATES, b"")
            sizes += _sizes(diagnosis, inet, _INET_MESSAGE, _INET_MEMINFO)
    return Held(sum(sizes), len(sizes))


def _sizes(diagnosis: int, request: bytes, fixed: int, wanted: int) -> list[int]:
    length = _HEADER.size + len(request)
    os.write(diagnosis, _HEADER.pack(length, _BY_FAMILY, _REQUEST | _DUMP, 0, 0) + request)
    return [_memory(message, fixed, wanted) for message in _answers(diagnosis)]


def _answers(diagnosis: int) -> Iterator[bytes]:
    while True:
        data = os.read(diagnosis, _AT_A_TIME)
        while len(data) >= _HEADER.size:
            length, kind, *_ = _HEADER.unpack_from(data)
            if kind == _DONE:
                return
            if kind == _ERROR:
                (number,) = struct.unpack_from("i", data, _HEADER.size)
                raise OSError(-number, os.strerror(-number))
            yield data[_HEADER.size : length]
            data = data[length + 3 & ~3 :]


def _memory(message: bytes, fixed: int, wanted: int) -> int:
    """What SK_MEMINFO says, which is among the attributes after the ``fixed`` part."""
    at = fixed
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if kind == wanted:
            info = _MEMINFO.unpack_from(message, at + _ATTRIBUTE.size)
            sent = max(info[_SENT], info[_QUEUED])
            return int(sent + info[_READ] + info[_OPTIONS] + info[_BACKLOG])
        at += max(length, _ATTRIBUTE.size) + 3 & ~3
    return 0
