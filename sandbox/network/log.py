"""What a receipt says of the network: hosts reached, refused and not reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..result import Contact
from .refused import Refused, Unreachable

if TYPE_CHECKING:
    from .hosts import IP, Endpoint


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something the guest wanted and did not get."""

    host: str
    """Printable whatever the guest sent; empty if it never came to naming one."""
    port: int | None
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class NetworkLog:
    """All of it, in the order of first occurrence. A value."""

    contacted: tuple[Contact, ...] = ()
    refused: tuple[Refusal, ...] = ()
    """By the policy, or because it was malformed."""
    failed: tuple[Refusal, ...] = ()
    """Allowed, and not reached."""
    dropped: int = 0
    """Events that found no room above."""

    def since(self, before: NetworkLog | None) -> NetworkLog:
        """What has been added since ``before``, an earlier one of the same proxy."""
        if before is None:
            return self
        tallies = {(c.host, c.port, c.address): c for c in before.contacted}
        contacted = (
            _contact_since(contact, tallies.get((contact.host, contact.port, contact.address)))
            for contact in self.contacted
        )
        return NetworkLog(
            contacted=tuple(c for c in contacted if c.connections or c.sent or c.received),
            refused=_refused_since(self.refused, before.refused),
            failed=_refused_since(self.failed, before.failed),
            dropped=self.dropped - before.dropped,
        )


def _contact_since(now: Contact, before: Contact | None) -> Contact:
    if before is None:
        return now
    return replace(
        now,
        connections=now.connections - before.connections,
        sent=now.sent - before.sent,
        received=now.received - before.received,
    )


def _refused_since(now: tuple[Refusal, ...], before: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
    counted = {(r.host, r.port, r.reason): r.count for r in before}
    left = (replace(r, count=r.count - counted.get((r.host, r.port, r.reason), 0)) for r in now)
    return tuple(refusal for refusal in left if refusal.count)


@dataclass(slots=True)
class Tally:
    """The running count of one :class:`Contact`."""

    connections: int = 0
    sent: int = 0
    received: int = 0


_Refusals = dict[tuple[str, int | None, str], int]


class Ledger:
    """Collects the log while the proxy runs, in bounded room."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._contacted: dict[tuple[str, int, str], Tally] = {}
        self._refused: _Refusals = {}
        self._failed: _Refusals = {}
        self._dropped = 0

    def contact(self, endpoint: Endpoint, ip: IP) -> Tally:
        """Count a connection; its bytes are to be added to the tally."""
        key = (str(endpoint.host), endpoint.port, str(ip))
        tally = self._contacted.get(key)
        if tally is None:
            tally = Tally()
            if len(self._contacted) < self._entries:
                self._contacted[key] = tally
            else:
                self._dropped += 1
        tally.connections += 1
        return tally

    def refuse(self, refusal: Refused) -> None:
        """Count something the guest did not get."""
        table = self._failed if isinstance(refusal, Unreachable) else self._refused
        key = (refusal.host, refusal.port, refusal.reason)
        if key in table or len(table) < self._entries:
            table[key] = table.get(key, 0) + 1
        else:
            self._dropped += 1

    def snapshot(self) -> NetworkLog:
        """The log as it is now."""
        return NetworkLog(
            contacted=tuple(
                Contact(host, port, ip, tally.connections, tally.sent, tally.received)
                for (host, port, ip), tally in self._contacted.items()
            ),
            refused=_records(self._refused),
            failed=_records(self._failed),
            dropped=self._dropped,
        )


def _records(table: _Refusals) -> tuple[Refusal, ...]:
    return tuple(Refusal(*key, count) for key, count in table.items())
