"""The one parser for host names and addresses, for patterns and for requests alike.

Programs that checked a name with one parser and dialled it with another were the ones that
leaked. So what is allowed, asked for, resolved and compared here is always a value that came
out of :func:`parse_host`, and there is exactly one spelling of it. What could be read in two
ways is refused, never guessed:

- names are letters, digits and hyphens (RFC 1123 section 2.1); underscores are refused, as no
  host name has them; names that are not ASCII are refused, since two versions of IDNA turn
  them into different names: their ``xn--`` form is accepted;
- whatever a C library would take for an IPv4 address (RFC 6943 section 3.1.1) is either the
  four plain decimals or refused; IPv6 only as RFC 5952 writes it, without a zone.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LONGEST = 253
"""Characters of a name (RFC 1035 section 3.1, without the root)."""


class HostError(ValueError):
    """A text that is no host, or not in its one spelling; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Name:
    """A host name: ASCII, lower case, without the final dot."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address that was written as one."""

    ip: IP

    def __str__(self) -> str:
        return str(self.ip)


Host = Name | Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a TCP port."""

    host: Host
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: Host) -> str:
    """The host as URIs and ``Host`` fields have it: IPv6 in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in str(host) else str(host)


def parse_host(text: str) -> Host:
    """The host that ``text`` names.

    Raises
    ------
    HostError
        It names none, or not in its one spelling.
    """
    shown = printable(text)
    if not text:
        raise HostError("the host is empty")
    if not text.isascii():
        raise HostError(f"{shown} is not ASCII; write its xn-- form")
    if "%" in text:
        raise HostError(f"{shown} has a '%': neither escapes nor zones belong into a host")
    if ":" in text or text[0] == "[":
        return _ipv6(text, shown)
    name = text.lower().removesuffix(".")
    if not name:
        raise HostError("the host is empty")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4(text, shown)
    return _name(name, shown)


def parse_port(text: str) -> int:
    """A port from 1 to 65535, without sign, space or leading zero; :class:`HostError` if not."""
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise HostError(f"{printable(text)} is not a port from 1 to 65535")
    return int(text)


def split_port(text: str) -> tuple[str, int | None]:
    """``"host:443"`` and ``"[::1]:443"`` as host and port; bare IPv6 has no port."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise HostError(f"{printable(text)} has brackets that do not enclose an address")
        return host + bracket, parse_port(rest[1:]) if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, parse_port(port)
    return text, None


def address(ip: IP) -> Address:
    """The address as a host; :class:`HostError` for one that stands for an IPv4 address."""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        raise HostError(f"{ip} is an IPv4 address in disguise; write {ip.ipv4_mapped}")
    return Address(ip)


def printable(text: str, *, limit: int = 100) -> str:
    """Hostile text as something to print: quoted, ASCII, escaped, at most ``limit`` characters."""
    quoted = ascii(text[:limit])
    return quoted[: limit - 1] + "…" if len(quoted) > limit or len(text) > limit else quoted


def _name(name: str, shown: str) -> Name:
    if len(name) > _LONGEST:
        raise HostError(f"{shown} is longer than {_LONGEST} characters")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise HostError(f"{shown} is not a host name: {_wrong_with(label)}")
        if label.startswith("xn--") and not _is_punycode(label[4:]):
            raise HostError(f"{shown} is not a host name: {label!r} is no encoded label")
    return Name(name)


def _wrong_with(label: str) -> str:
    if not label:
        return "there is an empty label (two dots, or one in front)"
    if len(label) > 63:
        return "a label is longer than 63 characters"
    if label.strip("-") != label:
        return "a label begins or ends with a hyphen"
    return "only letters, digits, hyphens and dots belong into one"


def _is_punycode(text: str) -> bool:
    """True for what stands for something not ASCII, in its one spelling (RFC 3492)."""
    try:
        decoded = text.encode("ascii").decode("punycode")
        return not decoded.isascii() and decoded.encode("punycode").decode("ascii") == text
    except (UnicodeError, OverflowError, ValueError):
        return False


def _ipv4(text: str, shown: str) -> Address:
    # The last label is a number, so the C library may take the whole for an address: "127.1",
    # "0x7f.0.0.1", "2130706433", "0177.0.0.1". Python's parser accepts four decimals only.
    try:
        return Address(ipaddress.IPv4Address(text))
    except ValueError:
        raise HostError(f"{shown} is not an IPv4 address as 192.0.2.1 is") from None


def _ipv6(text: str, shown: str) -> Address:
    inner = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    try:
        ip = ipaddress.IPv6Address(inner)
    except ValueError:
        raise HostError(f"{shown} is neither a host name nor an IPv6 address") from None
    found = address(ip)
    if str(ip) != inner.lower():
        raise HostError(f"{shown} is not how this address is written; write {ip}")
    return found
