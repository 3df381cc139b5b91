"""What all connections of one proxy share: the list, the limits, the budget and the log."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from .dial import Route, check_address, check_name, dial
from .hosts import Endpoint, bracketed
from .limits import Budget, ProxyLimits
from .log import Ledger, Tally
from .refused import Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .allowlist import AllowList
    from .resolver import Resolve


class Gate:
    """Opens routes that are allowed, and counts what goes through them."""

    def __init__(self, allow: AllowList, limits: ProxyLimits, resolve: Resolve) -> None:
        self.allow = allow
        self.limits = limits
        self.ledger = Ledger(limits.log_entries)
        self.budget = Budget(limits)
        self._resolve = resolve

    async def open(self, endpoint: Endpoint) -> Route:
        """A metered connection to ``endpoint``.

        Raises
        ------
        Refused
            It is not allowed, or nothing more may be sent or received.
        Unreachable
            It is allowed and cannot be had.
        """
        self.budget.check()
        route = await dial(
            endpoint, lambda: self.allow, self._resolve, timeout=self.limits.connect_timeout
        )
        meter = _Meter(self.budget, self.ledger.contact(endpoint, route.ip))
        route.stream.before_send = meter.sending
        route.stream.after_receive = meter.received
        return route

    def check(self, route: Route) -> None:
        """Raise :class:`Refused` if a route that was opened would not be allowed now."""
        check_name(self.allow, route.endpoint)
        check_address(self.allow, route.endpoint, route.ip)

    @contextlib.asynccontextmanager
    async def watch(self, route: Route) -> AsyncGenerator[None]:
        """Raise :class:`Unreachable` inside when nothing has moved on ``route`` for too long."""
        limit = self.limits.idle_timeout
        stream, loop = route.stream, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit) as clock:

                def moved() -> None:
                    if not clock.expired():
                        clock.reschedule(loop.time() + limit)

                stream.moved = moved
                yield
        except TimeoutError:
            host = bracketed(route.endpoint.host)
            why = f"nothing came from or went to {host} for {limit:g} s"
            raise Unreachable(why, status=504) from None


class _Meter:
    def __init__(self, budget: Budget, tally: Tally) -> None:
        self._budget = budget
        self._tally = tally

    def sending(self, count: int) -> None:
        self._budget.send(count)
        self._tally.sent += count

    def received(self, count: int) -> None:
        self._tally.received += count
        self._budget.receive(count)
