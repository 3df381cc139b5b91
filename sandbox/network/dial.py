"""The only way out: check the name, resolve it once, check the addresses, connect to one.

The address that is dialled is the one that was checked; there is no second lookup between
the two for a name server to answer differently.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .addresses import is_own, never_meant, not_public
from .hosts import IP, Address, Endpoint, HostError, address
from .refused import Refused, Unreachable
from .stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .allowlist import AllowList
    from .resolver import Resolve

_ATTEMPTS = 4
"""Addresses of a name that are tried."""


@dataclass(frozen=True, slots=True)
class Route:
    """An open connection and where it leads."""

    stream: Stream
    endpoint: Endpoint
    ip: IP


def check_name(allow: AllowList, endpoint: Endpoint) -> None:
    """Raise :class:`Refused` unless ``allow`` names the endpoint."""
    if why := allow.why_not(endpoint.host, endpoint.port):
        raise Refused(why, remedy=allow.remedy(endpoint.host, endpoint.port))


def check_address(allow: AllowList, endpoint: Endpoint, ip: IP) -> None:
    """Raise :class:`Refused` unless ``endpoint`` may lead to ``ip``.

    It may if the address is a public one of another machine, or is allowed itself.
    """
    kind = never_meant(ip)
    literal = None if kind else _literal(ip)
    if literal and allow.allows(literal, endpoint.port):
        return
    kind = kind or not_public(ip) or ("an address of this machine" if is_own(ip) else None)
    if kind:
        meant = f"'{Endpoint(literal, endpoint.port)}'" if literal else "another address"
        raise Refused(
            f"{endpoint.host} leads to {ip}, {kind}",
            remedy=f"Whoever runs this sandbox would have to add {meant} to the policy's network "
            "list if that is meant; trying again will not help.",
        )


async def dial(
    endpoint: Endpoint, allow: Callable[[], AllowList], resolve: Resolve, *, timeout: float
) -> Route:
    """Connect to ``endpoint`` if the list that ``allow`` gives at each moment allows it.

    Parameters
    ----------
    timeout:
        Seconds for the lookup, and again for each address.

    Raises
    ------
    Refused
        It is not allowed, or leads only to addresses that are not.
    Unreachable
        It is allowed but cannot be had.
    """
    check_name(allow(), endpoint)
    refusal: Refused = Unreachable(f"{endpoint.host} has no address")
    attempts = 0
    for ip in await _addresses(endpoint, resolve, timeout):
        try:
            check_name(allow(), endpoint)
            check_address(allow(), endpoint, ip)
            attempts += 1
            stream = await _connect(endpoint, ip, timeout)
        except Refused as problem:
            # What was tried and failed says more than what was not tried.
            if isinstance(problem, Unreachable) or not attempts:
                refusal = problem
            if attempts == _ATTEMPTS:
                break
            continue
        try:  # the list may have changed meanwhile
            check_name(allow(), endpoint)
            check_address(allow(), endpoint, ip)
        except Refused:
            stream.abort()
            raise
        return Route(stream, endpoint, ip)
    raise refusal


async def _addresses(endpoint: Endpoint, resolve: Resolve, timeout: float) -> Sequence[IP]:
    if isinstance(endpoint.host, Address):
        return [endpoint.host.ip]
    name = endpoint.host.text
    try:
        async with asyncio.timeout(timeout):
            return await resolve(name)
    except TimeoutError:
        raise Unreachable(f"{name} was not resolved in {timeout:g} s", status=504) from None
    except (OSError, ValueError) as error:
        raise Unreachable(f"{name} cannot be resolved: {_why(error)}") from None


async def _connect(endpoint: Endpoint, ip: IP, timeout: float) -> Stream:
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise Unreachable(f"no connection can be made here: {_why(error)}", status=503) from None
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(sock, (str(ip), endpoint.port))
        return Stream(sock)
    except TimeoutError:
        sock.close()
        why = f"{endpoint} did not answer in {timeout:g} s"
        raise Unreachable(why, status=504) from None
    except OSError as error:
        sock.close()
        raise Unreachable(f"{endpoint} cannot be reached: {_why(error)}") from None
    except BaseException:
        sock.close()
        raise


def _literal(ip: IP) -> Address | None:
    try:
        return address(ip)
    except HostError:
        return None


def _why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    number = error.errno if isinstance(error, OSError) else None
    return type(error).__name__ if number is None else os.strerror(number)
