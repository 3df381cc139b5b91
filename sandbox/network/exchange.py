"""One HTTP request and its response, through the proxy."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .body import copy_body
from .http import HEAD_END, Request, Response, parse_response
from .refused import Malformed, Unreachable
from .relay import together

if TYPE_CHECKING:
    from .dial import Route
    from .limits import ProxyLimits
    from .stream import Stream

_INTERIM = 16
"""Responses (100, 103) before the final one."""


async def exchange(client: Stream, route: Route, request: Request, limits: ProxyLimits) -> None:
    """Send ``request`` on ``route`` with its body, and the response to ``client``.

    Exactly one request goes out and one response comes back; whatever else either side sends
    is not passed on. Both connections are to be closed afterwards.

    Raises
    ------
    Refused
        The request's body is malformed, or a budget is used up.
    Unreachable
        The origin does not answer, or not in HTTP.
    OSError
        The client has gone.
    """
    try:
        await route.stream.send(request.rewritten(route.endpoint))
    except OSError as error:
        raise _broken(route, error) from None
    answer = _answer(client, route, request, limits)
    if request.framing == 0:
        await answer
    else:
        await together(answer, _upload(client, route, request), ends_with_first=True)


class _NoMore(Exception):
    """The origin takes no more of the body; its answer may still come."""


async def _upload(client: Stream, route: Route, request: Request) -> None:
    async def send(data: bytes | memoryview) -> None:
        try:
            await route.stream.send(data)
        except OSError as error:
            raise _NoMore from error

    with contextlib.suppress(_NoMore):
        await copy_body(client, send, request.framing, chunked=request.framing == "chunked")


async def _answer(client: Stream, route: Route, request: Request, limits: ProxyLimits) -> None:
    response = await _final(client, route, request, limits)
    # HTTP/1.0 has no chunks, and the end of the connection is the end of the body.
    chunked = response.framing == "chunked" and request.minor == 1
    dechunked = response.framing == "chunked" and not chunked
    await client.send(response.rewritten("close" if dechunked else response.framing))
    try:
        await copy_body(route.stream, client.send, response.framing, chunked=chunked)
    except Malformed as error:
        raise Unreachable(f"{route.endpoint} does not answer in HTTP: {error}") from None


async def _final(client: Stream, route: Route, request: Request, limits: ProxyLimits) -> Response:
    """The response that is none of the 1xx before it, which are passed on."""
    for _ in range(_INTERIM):
        response = await _read_head(route, request, limits)
        if response.status >= 200:
            return response
        if response.status == 101:
            raise Unreachable(f"{route.endpoint} changed the protocol without being asked")
        if request.minor == 1:
            await client.send(response.rewritten(0))
    raise Unreachable(f"{route.endpoint} sent {_INTERIM} interim responses and no final one")


async def _read_head(route: Route, request: Request, limits: ProxyLimits) -> Response:
    try:
        head = await route.stream.read_until(HEAD_END, limits.head)
        return parse_response(head, request.method, limits.fields)
    except Malformed as error:
        raise Unreachable(f"{route.endpoint} does not answer in HTTP: {error}") from None
    except OSError as error:
        raise _broken(route, error) from None


def _broken(route: Route, error: OSError) -> Unreachable:
    return Unreachable(f"{route.endpoint} ended the connection without an answer ({error})")
