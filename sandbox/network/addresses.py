"""Which addresses a name may lead to: public ones of other machines.

A name that is allowed says nothing of where it leads: its owner, or whoever answers for it,
may point it at this machine, at the local network or at a cloud's metadata service.
The tables are the IANA special-purpose registries (RFC 6890), written out because what
``ipaddress`` calls global differs between versions of Python.
"""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .hosts import IP

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    )
)

_NEVER: dict[str, str] = {
    "0.0.0.0/8": "the unspecified address",
    "224.0.0.0/4": "a multicast address",
    "255.255.255.255/32": "the broadcast address",
    "::/128": "the unspecified address",
    "ff00::/8": "a multicast address",
}

_SPECIAL: dict[str, str] = {
    "127.0.0.0/8": "a loopback address",
    "10.0.0.0/8": "a private address",
    "172.16.0.0/12": "a private address",
    "192.168.0.0/16": "a private address",
    "169.254.0.0/16": "a link-local address",
    "100.64.0.0/10": "a carrier-grade NAT address",
    "192.0.0.0/24": "a reserved address",
    "192.0.2.0/24": "a documentation address",
    "198.51.100.0/24": "a documentation address",
    "203.0.113.0/24": "a documentation address",
    "192.88.99.0/24": "a 6to4 relay address",
    "198.18.0.0/15": "a benchmarking address",
    "240.0.0.0/4": "a reserved address",
    "::1/128": "a loopback address",
    "::ffff:0:0/96": "an IPv4-mapped address",
    "fc00::/7": "a private address",
    "fe80::/10": "a link-local address",
    "fec0::/10": "a private address",
    "2001::/32": "a Teredo address",
    "2001::/23": "a reserved address",
    "2001:db8::/32": "a documentation address",
    "3fff::/20": "a documentation address",
}


def _networks(table: dict[str, str]) -> list[tuple[IPv4Network | IPv6Network, str]]:
    return [(ipaddress.ip_network(text), kind) for text, kind in table.items()]


_NEVER_NETWORKS = _networks(_NEVER)
_SPECIAL_NETWORKS = _networks(_SPECIAL)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that has been given out (RFC 4291 section 2.4)."""


def never_meant(ip: IP) -> str | None:
    """The kind of an address to which no TCP connection can be meant, even if it is named.

    The unspecified address is one of them: Linux connects it to this machine.
    """
    return _find(ip, _NEVER_NETWORKS)


def not_public(ip: IP) -> str | None:
    """The kind of an address that a name must not lead to; None for a public address.

    Addresses that carry an IPv4 address (6to4, NAT64) are judged by it too.
    """
    if ip in _METADATA:
        return "a cloud metadata address"
    if kind := never_meant(ip) or _find(ip, _SPECIAL_NETWORKS):
        return kind
    if isinstance(ip, IPv4Address):
        return None
    inner = _carried(ip)
    if inner is not None:
        return (kind := not_public(inner)) and f"{kind} inside an IPv6 address"
    return None if ip in _GLOBAL_UNICAST else "a reserved address"


def is_own(ip: IP) -> bool:
    """True for an address of this machine, at this moment. Sends nothing.

    The kernel is asked where a datagram to ``ip`` would come from: towards one of its own
    addresses it is that address itself. So no list of interfaces can be out of date.
    """
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
            probe.connect((str(ip), 9))
            return ipaddress.ip_address(str(probe.getsockname()[0])) == ip
    except PermissionError:
        return True  # a broadcast address of an interface
    except OSError:
        return False  # there is no way to it, so no connection either


def _find(ip: IP, table: Iterable[tuple[IPv4Network | IPv6Network, str]]) -> str | None:
    return next((kind for network, kind in table if ip in network), None)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:  # RFC 6052 section 2.1
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _SIX_TO_FOUR:  # RFC 3056 section 2
        return IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)
    return None
