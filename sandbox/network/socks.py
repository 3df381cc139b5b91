"""SOCKS 5 (RFC 1928): no authentication, CONNECT only."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from .hosts import Endpoint, Host, HostError, address, parse_host, printable
from .refused import Malformed, Refused, Unreachable

if TYPE_CHECKING:
    from .stream import Stream

VERSION = 5
_NO_AUTHENTICATION, _NO_ACCEPTABLE = 0x00, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4

SUCCEEDED = 0
_FAILURE, _NOT_ALLOWED, _UNREACHABLE, _COMMAND, _TYPE = 1, 2, 4, 7, 8
_COMMAND_STATUS, _TYPE_STATUS = 405, 415
"""Statuses of the refusals that have a reply of their own."""


def reply(code: int) -> bytes:
    """A reply that tells nothing of the address this side has."""
    return bytes([VERSION, code, 0, _IPV4, 0, 0, 0, 0, 0, 0])


def denial(refusal: Refused) -> bytes:
    """The reply that says ``refusal``."""
    if refusal.status == _COMMAND_STATUS:
        return reply(_COMMAND)
    if refusal.status == _TYPE_STATUS:
        return reply(_TYPE)
    if isinstance(refusal, Unreachable):
        return reply(_UNREACHABLE)
    return reply(_FAILURE if isinstance(refusal, Malformed) else _NOT_ALLOWED)


async def greet(stream: Stream) -> None:
    """Agree on no authentication; :class:`Malformed` if the client does not offer it."""
    version, count = await stream.read_exactly(2)
    methods = await stream.read_exactly(count)
    if version != VERSION or _NO_AUTHENTICATION not in methods:
        await stream.send(bytes([VERSION, _NO_ACCEPTABLE]))
        raise Malformed("a SOCKS client does not offer to connect without a password")
    await stream.send(bytes([VERSION, _NO_AUTHENTICATION]))


async def read_request(stream: Stream) -> Endpoint:
    """What the client wants to be connected to.

    Raises
    ------
    Refused
        It wants something else, or names no host.
    Ended
        The stream ends first.
    """
    version, command, reserved, kind = await stream.read_exactly(4)
    if version != VERSION or reserved:
        raise Malformed("a SOCKS request is malformed")
    raw = await _read_address(stream, kind)
    port = int.from_bytes(await stream.read_exactly(2))
    try:
        if command != _CONNECT:
            raise Malformed(f"SOCKS command {command} is not CONNECT", status=_COMMAND_STATUS)
        if not port:
            raise Malformed("0 is not a port")
        return Endpoint(_host(kind, raw), port)
    except Refused as refusal:
        text = raw.decode("latin-1") if kind == _NAME else str(ipaddress.ip_address(raw))
        refusal.host, refusal.port = printable(text), port
        raise


async def _read_address(stream: Stream, kind: int) -> bytes:
    if kind == _NAME:
        return await stream.read_exactly((await stream.read_exactly(1))[0])
    if kind in (_IPV4, _IPV6):
        return await stream.read_exactly(4 if kind == _IPV4 else 16)
    raise Malformed(f"SOCKS address type {kind} is unknown", status=_TYPE_STATUS)


def _host(kind: int, raw: bytes) -> Host:
    # A name that is no host, with a NUL for example, is refused as not allowed (reply 2):
    # it is in no allow list and can be in none.
    try:
        if kind == _NAME:
            return parse_host(raw.decode("latin-1"))
        return address(ipaddress.ip_address(raw))
    except HostError as error:
        raise Refused(str(error)) from None
