"""What one proxy gives its guest at most, and how much is left of it."""

from __future__ import annotations

from dataclasses import dataclass

from .refused import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """Limits of one proxy. Times in seconds, sizes in bytes."""

    connections: int = 128
    """At one time; more wait until the guest ends one. Each takes two descriptors."""
    head: int = 32 * 1024
    """Of a request's or response's head, or of a TLS ClientHello."""
    fields: int = 128
    """Header fields of one request or response."""
    head_timeout: float = 20.0
    """For the guest to say completely what it wants."""
    connect_timeout: float = 10.0
    """For a name to be resolved, and again for each address to answer."""
    idle_timeout: float = 300.0
    """Without a byte in either direction; model servers may think for minutes."""
    sent: int | None = None
    """All bytes to all hosts together, over the proxy's whole life; None for no limit."""
    received: int | None = None
    """All bytes from all hosts together, over the proxy's whole life; None for no limit."""
    inspect: bool = True
    """Tunnels to ``tls_ports`` must begin with a TLS ClientHello for exactly the host of the
    tunnel (and without encrypted ClientHello, which could hide another), tunnels to
    ``http_ports`` must carry an HTTP request for it. Tunnels to other ports carry anything."""
    tls_ports: frozenset[int] = frozenset({443})
    http_ports: frozenset[int] = frozenset({80})
    log_entries: int = 256
    """Of each kind in the log; what finds no room is counted."""


class Budget:
    """Bytes sent and received by all connections together, against the limits."""

    def __init__(self, limits: ProxyLimits) -> None:
        self._limits = limits
        self.sent = 0
        self.received = 0

    def check(self) -> None:
        """Raise :class:`Refused` if either budget is used up."""
        self._compare("sending", self.sent + 1, self._limits.sent)
        self._compare("receiving", self.received + 1, self._limits.received)

    def send(self, count: int) -> None:
        """Count bytes that are about to be sent; :class:`Refused` if they may not be."""
        self._compare("sending", self.sent + count, self._limits.sent)
        self.sent += count

    def receive(self, count: int) -> None:
        """Count bytes that came; :class:`Refused` if they must not be passed on."""
        self.received += count
        self._compare("receiving", self.received, self._limits.received)

    @staticmethod
    def _compare(doing: str, total: int, limit: int | None) -> None:
        if limit is not None and total > limit:
            raise Refused(
                f"the budget of {limit:,} bytes for {doing} is used up",
                remedy="Nothing more will come through; trying again will not help.",
            )
