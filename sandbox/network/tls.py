"""The first message of TLS, to see which host it is for (RFC 8446 section 4.1.2, RFC 6066)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .hosts import Host, HostError, Name, bracketed, parse_host, printable
from .refused import Malformed, Refused

if TYPE_CHECKING:
    from .stream import Stream

_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_ENCRYPTED = {0xFE0D: "ECH", 0xFFCE: "ESNI"}
_LONGEST_RECORD = 1 << 14

ACCESS_DENIED = bytes([_ALERT, 3, 3, 0, 2, 2, 49])
"""A fatal alert; clients print it as "access denied"."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What matters here of a ClientHello."""

    server_name: str | None
    encrypted: str | None
    """The mechanism by which another ClientHello may hide in this one."""


async def read_client_hello(stream: Stream, limit: int) -> tuple[bytes, ClientHello]:
    """The records of the ClientHello as they came, and what they say.

    Raises
    ------
    Malformed
        What comes is something else, or longer than ``limit`` bytes.
    Ended
        The stream ends first.
    """
    raw, message = bytearray(), bytearray()
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):
        header = await stream.read_exactly(5)
        size = int.from_bytes(header[3:])
        if header[0] != _HANDSHAKE or header[1] != 3 or not 0 < size <= _LONGEST_RECORD:
            raise Malformed("the connection does not begin with TLS")
        raw += header
        record = await stream.read_exactly(size)
        raw += record
        message += record
        if message[0] != _CLIENT_HELLO:
            raise Malformed("the connection does not begin with a TLS ClientHello")
        if len(raw) > limit:
            raise Malformed(f"the TLS ClientHello is longer than {limit:,} bytes")
    return bytes(raw), parse_client_hello(bytes(message))


def parse_client_hello(message: bytes) -> ClientHello:
    """Read a handshake message; :class:`Malformed` unless all of it is as the RFC has it."""
    reader = _Reader(message)
    if reader.take(1)[0] != _CLIENT_HELLO:
        raise Malformed("the connection does not begin with a TLS ClientHello")
    body = _Reader(reader.vector(3))
    reader.finish()
    body.take(2 + 32)  # version, random
    body.vector(1)  # session
    body.vector(2)  # cipher suites
    body.vector(1)  # compression
    extensions = _extensions(_Reader(body.vector(2))) if body.left else {}
    body.finish()
    encrypted = next((name for kind, name in _ENCRYPTED.items() if kind in extensions), None)
    found = extensions.get(_SERVER_NAME)
    return ClientHello(None if found is None else _server_name(found), encrypted)


def check_client_hello(hello: ClientHello, host: Host) -> None:
    """Raise :class:`Refused` unless the ClientHello is for ``host`` and for no other."""
    if hello.encrypted:
        raise Refused(
            f"the TLS ClientHello for {bracketed(host)} has {hello.encrypted}, which can hide "
            "another host",
            remedy="Switch encrypted ClientHello off in the client.",
        )
    expected = host.text if isinstance(host, Name) else None
    if hello.server_name is None and expected is None:
        return
    said = "no host" if hello.server_name is None else printable(hello.server_name)
    try:
        same = hello.server_name is not None and parse_host(hello.server_name) == host
    except HostError:
        same = False
    if not same or expected is None:
        raise Refused(
            f"the TLS ClientHello names {said}, the tunnel was opened to {bracketed(host)}",
            remedy="Both must be the same host.",
        )


def _extensions(reader: _Reader) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while reader.left:
        kind = int.from_bytes(reader.take(2))
        if kind in found:
            raise Malformed(f"the TLS ClientHello has extension {kind} twice")
        found[kind] = reader.vector(2)
    return found


def _server_name(data: bytes) -> str:
    outer = _Reader(data)
    names = _Reader(outer.vector(2))
    outer.finish()
    kind, name = names.take(1)[0], names.vector(2)
    names.finish()  # one name; others would be for a server to choose from
    if kind != 0 or not name.isascii():
        raise Malformed("the TLS ClientHello names its host in an unknown way")
    return name.decode("ascii")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Malformed("the TLS ClientHello contradicts its own lengths")
        self._at += count
        return self._data[self._at - count : self._at]

    def vector(self, width: int) -> bytes:
        return self.take(int.from_bytes(self.take(width)))

    def finish(self) -> None:
        if self.left:
            raise Malformed("the TLS ClientHello contradicts its own lengths")
