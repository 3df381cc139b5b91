"""The hosts and ports a guest may reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..errors import PolicyError
from .addresses import never_meant
from .hosts import (
    Address,
    Endpoint,
    Host,
    HostError,
    Name,
    bracketed,
    parse_host,
    printable,
    split_port,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_PORTS = frozenset({80, 443})
"""What a pattern without a port allows."""
_SHOWN = 8
"""Patterns that a refusal tells of."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One entry: a host, or with ``subdomains`` all names below it (and not itself)."""

    host: Host
    ports: frozenset[int] = DEFAULT_PORTS
    subdomains: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host``, ``host:port``, ``*.host`` or ``*.host:port``.

        Raises
        ------
        PolicyError
            It is none of these, could never match, or would match everything.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PolicyError(f"{text!r} is not text such as 'files.example.org:443'.")
        try:
            return cls._parse(text)
        except HostError as error:
            raise PolicyError(f"{printable(text)} is not a host pattern: {error}.") from None

    @classmethod
    def _parse(cls, text: str) -> Self:
        if "/" in text:
            raise HostError("there is a '/' in it; write a host or host:port, no URL and no range")
        if text.endswith(":*"):
            raise HostError("every port is too much; add one entry for each port")
        host_text, port = split_port(text)
        wildcard = host_text.startswith("*")
        if wildcard:
            host_text = cls._below(host_text)
        if "*" in host_text:
            raise HostError("a '*' may only be the first label")
        host = parse_host(host_text)
        if isinstance(host, Address):
            if wildcard:
                raise HostError("an address has no subdomains")
            if kind := never_meant(host.ip):
                raise HostError(f"{host} is {kind}; no connection to it can be meant")
        elif wildcard and "." not in host.text:
            raise HostError(f"it would allow every name under .{host}; name a domain")
        return cls(host, DEFAULT_PORTS if port is None else frozenset({port}), wildcard)

    @staticmethod
    def _below(text: str) -> str:
        if not text.strip("*."):
            raise HostError("it would allow everything; name the hosts, or say network='host'")
        if not text.startswith("*."):
            raise HostError("a '*' stands for whole labels; write '*.example.org'")
        return text[2:]

    def covers(self, host: Host) -> bool:
        """True if the pattern names ``host``, whatever the port."""
        if not self.subdomains:
            return host == self.host
        return isinstance(host, Name) and host.text.endswith(f".{self.host}")

    def __str__(self) -> str:
        name = f"*.{self.host}" if self.subdomains else bracketed(self.host)
        if self.ports == DEFAULT_PORTS:
            return name
        return ", ".join(f"{name}:{port}" for port in sorted(self.ports))


@dataclass(frozen=True, slots=True)
class AllowList:
    """What a guest may reach. A value; the empty one allows nothing.

    ``*.example.org`` covers names below ``example.org`` at any depth, and not
    ``example.org`` itself. Public suffixes of more than one label (``*.co.uk``) are not
    known here; whoever writes one means it.
    """

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """The list of ``["files.example.org:443", "*.example.org", "203.0.113.7:443"]``.

        Raises
        ------
        PolicyError
            An entry cannot be meant; the message names it and says why.
        """
        checked: Any = texts  # callers who do not check types pass one host as text
        if isinstance(checked, str | bytes):
            raise PolicyError(f"{checked!r} is one host; write a list of hosts.")
        return cls(tuple(dict.fromkeys(Pattern.parse(text) for text in texts)))

    def allows(self, host: Host, port: int) -> bool:
        """True if ``host`` is named with ``port``."""
        return any(port in item.ports and item.covers(host) for item in self.patterns)

    def why_not(self, host: Host, port: int) -> str | None:
        """What keeps a guest from ``host`` and ``port``, in one sentence; None if nothing does."""
        if self.allows(host, port):
            return None
        ports = sorted({port for item in self.patterns if item.covers(host) for port in item.ports})
        if ports:
            listed = ", ".join(map(str, ports))
            return f"{Endpoint(host, port)} is not allowed: {host} is only on port {listed}"
        return f"{Endpoint(host, port)} is not in the network allow list"

    def remedy(self, host: Host, port: int) -> str:
        """What would have to change for ``host`` and ``port`` to be allowed, as sentences."""
        shown = ", ".join(str(item) for item in self.patterns[:_SHOWN]) or "nothing"
        more = len(self.patterns) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        return (
            f"Allowed here: {shown}{rest}. Whoever runs this sandbox would have to add "
            f"'{Endpoint(host, port)}' to the policy's network list; trying again will not help."
        )

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __str__(self) -> str:
        return ", ".join(str(item) for item in self.patterns) or "nothing"
