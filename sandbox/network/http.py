"""Heads of HTTP/1 messages (RFC 9110, 9112), read so that they can mean only one thing.

A message that two servers could frame differently is how a second, unchecked request is
smuggled past a proxy. So nothing is repaired here: a bare CR or LF, a folded line, a space
before a colon, a length said twice or in two ways end the connection. And nothing is passed on
as it came: the head that is sent is written anew from what was understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .hosts import Endpoint, HostError, bracketed, parse_host, printable, split_port
from .refused import Malformed, Refused

Framing = int | Literal["chunked", "close"]
"""How long a body is: bytes, until its last chunk, or until the connection ends."""

Field = tuple[str, str]

HEAD_END = b"\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST = re.compile(rf"({_WORD}) ([\x21-\x7e]+) HTTP/1\.([01])")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (.*))?")
_NAME = re.compile(_WORD)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
)
"""Fields that say how this hop works (RFC 9110 section 7.6.1); the framing is written anew."""
_OWN = "1.1 sandcrew"
"""The value of ``Via``, which a proxy must add (RFC 9110 section 7.6.3)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head as the client sent it."""

    method: str
    target: str
    minor: int
    """Of the version: 0 or 1."""
    fields: tuple[Field, ...]
    framing: Framing
    host: str | None
    """The ``Host`` field."""

    def destination(self) -> Endpoint:
        """Where the target leads: of ``http://host/path``, or ``host:port`` of a CONNECT.

        Raises
        ------
        Malformed
            The target is in another form.
        Refused
            It names no host.
        """
        if self.method == "CONNECT":
            return _endpoint(self.target, None)
        scheme, slashes, rest = self.target.partition("://")
        if not slashes or "/" in scheme:
            raise Malformed("this is a proxy: the request must name a whole URL, http://host/path")
        if scheme.lower() != "http":
            raise Malformed(f"{printable(scheme)} is not spoken here; https goes through CONNECT")
        return _endpoint(re.split(r"[/?]", rest, maxsplit=1)[0], 80)

    def path(self) -> str:
        """The target in origin form (RFC 9112 section 3.2.1)."""
        if "://" not in self.target or self.target[0] == "/":
            return self.target
        rest = self.target.partition("://")[2]
        path = rest[len(re.split(r"[/?]", rest, maxsplit=1)[0]) :]
        if not path:
            return "*" if self.method == "OPTIONS" else "/"
        return path if path[0] == "/" else f"/{path}"

    def check_tunnelled(self, endpoint: Endpoint) -> None:
        """Raise :class:`Refused` unless a request inside a tunnel is for the tunnel's end."""
        if self.method == "CONNECT" or (self.target[0] != "/" and self.target != "*"):
            raise Malformed("a request inside a tunnel is one for a proxy")
        if _endpoint(self.host or "", 80) != endpoint:
            raise Refused(
                f"the request names {printable(self.host or '')}, the tunnel was opened to "
                f"{bracketed(endpoint.host)}",
                remedy="Both must be the same host.",
            )

    def rewritten(self, endpoint: Endpoint) -> bytes:
        """The head to send to ``endpoint``."""
        host = bracketed(endpoint.host) if endpoint.port == 80 else str(endpoint)
        lines = [f"{self.method} {self.path()} HTTP/1.1", f"Host: {host}"]
        # A length of 0 is said only if the client said it: a GET has no body to speak of.
        said = any(name.lower() == "content-length" for name, _ in self.fields)
        return _head(lines, self.fields, self.framing, say_length=said)


@dataclass(frozen=True, slots=True)
class Response:
    """A response's head as the origin sent it."""

    status: int
    reason: str
    fields: tuple[Field, ...]
    framing: Framing

    def rewritten(self, framing: Framing) -> bytes:
        """The head to send to the client, whose body will be framed by ``framing``."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        if self.status < 200:
            return _head(lines, self.fields, 0, say_length=False)
        if framing == 0 and self.framing == 0:  # to HEAD the length is that of what is not sent
            said = [(name, text) for name, text in self.fields if name.lower() == "content-length"]
            lines += [f"{name}: {text}" for name, text in said]
            return _head(lines, self.fields, 0, say_length=False)
        return _head(lines, self.fields, framing, say_length=True)


def parse_request(head: bytes, max_fields: int) -> Request:
    """Read a request's head; :class:`Malformed` unless it can mean only one thing."""
    start, fields = _parse(head, max_fields)
    match = _REQUEST.fullmatch(start)
    if match is None:
        raise Malformed("the request line is not 'METHOD target HTTP/1.1'")
    method, target, minor = match[1], match[2], int(match[3])
    if "#" in target:
        raise Malformed("a fragment (#) does not belong into a request")
    hosts = _values(fields, "host")
    if len(hosts) > 1 or (minor == 1 and not hosts):
        raise Malformed(f"the request has {len(hosts)} Host fields, not one")
    framing = _framing(fields, minor, otherwise=0)
    if method == "CONNECT" and framing != 0:
        raise Malformed("a CONNECT has no body")
    return Request(method, target, minor, fields, framing, hosts[0] if hosts else None)


def parse_response(head: bytes, method: str, max_fields: int) -> Response:
    """Read the head of a response to ``method``; :class:`Malformed` unless it is clear."""
    start, fields = _parse(head, max_fields)
    match = _STATUS.fullmatch(start)
    if match is None:
        raise Malformed("the status line is not 'HTTP/1.1 200 reason'")
    status = int(match[2])
    framing = _framing(fields, int(match[1]), otherwise="close")
    if method == "HEAD" or status < 200 or status in (204, 304):
        framing = 0  # RFC 9112 section 6.3, whatever the fields say
    return Response(status, match[3] or "", fields, framing)


def denial(refusal: Refused) -> bytes:
    """The response that says ``refusal``, also in its reason phrase, which more clients show."""
    phrase = refusal.reason.encode("ascii", "replace").decode()[:200]
    remedy = f" {refusal.remedy}" if refusal.remedy else ""
    body = f"The sandbox's proxy refused this: {refusal.reason}.{remedy}\n".encode()
    head = (
        f"HTTP/1.1 {refusal.status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nVia: {_OWN}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def _parse(head: bytes, max_fields: int) -> tuple[str, tuple[Field, ...]]:
    start, *lines = head.decode("latin-1").split("\r\n")
    if len(lines) > max_fields:
        raise Malformed(f"there are more than {max_fields} header fields", status=431)
    if _CONTROL.search(start):
        raise Malformed("there is a control character in the first line")
    return start, tuple(_field(line) for line in lines)


def _field(line: str) -> Field:
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name):  # also a folded line, and a space before the colon
        raise Malformed("a header line is not 'name: value'")
    if _CONTROL.search(value):
        raise Malformed("there is a control character in a header field")
    return name, value.strip(" \t")


def _values(fields: tuple[Field, ...], wanted: str) -> list[str]:
    return [value for name, value in fields if name.lower() == wanted]


def _framing(fields: tuple[Field, ...], minor: int, *, otherwise: Framing) -> Framing:
    lengths = _values(fields, "content-length")
    encodings = _values(fields, "transfer-encoding")
    if lengths and encodings:
        raise Malformed("there are a Content-Length and a Transfer-Encoding")
    if encodings:
        if minor == 0 or [text.lower() for text in encodings] != ["chunked"]:
            raise Malformed("the Transfer-Encoding is not just 'chunked'", status=501)
        return "chunked"
    if not lengths:
        return otherwise
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Malformed("the Content-Length is not one number")
    return int(lengths[0])


def _head(
    lines: list[str], fields: tuple[Field, ...], framing: Framing, *, say_length: bool
) -> bytes:
    named = {
        token.strip().lower()
        for value in _values(fields, "connection")
        for token in value.split(",")
    }
    dropped = _HOP_BY_HOP | named | {"host"}
    for name, value in fields:
        lower = name.lower()
        if lower not in dropped and not lower.startswith("proxy-"):
            lines.append(f"{name}: {value}")
    if framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    elif framing != "close" and (framing or say_length):
        lines.append(f"Content-Length: {framing}")
    lines += [f"Via: {_OWN}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _endpoint(authority: str, default_port: int | None) -> Endpoint:
    try:
        if "@" in authority:
            raise HostError(f"{printable(authority)} has a user name; only a host belongs there")
        host, port = split_port(authority)
        found = port or default_port
        if found is None:
            raise HostError(f"{printable(authority)} names no port")
        return Endpoint(parse_host(host), found)
    except HostError as error:
        refusal = Refused(str(error))
        refusal.host = printable(authority)
        raise refusal from None
