"""Check the name, resolve once, check the address, dial that one."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import AsyncGenerator, Sequence

import pytest

from sandcrew.sandbox.network import AllowList, Resolve
from sandcrew.sandbox.network.dial import Route, dial
from sandcrew.sandbox.network.hosts import Endpoint, parse_host
from sandcrew.sandbox.network.refused import Refused, Unreachable

from .world import IP, Origin, names


@contextlib.asynccontextmanager
async def dialled(
    allow: list[str], host: str, port: int, resolve: Resolve
) -> AsyncGenerator[Route]:
    endpoint = Endpoint(parse_host(host), port)
    allowed = AllowList.parse(allow)
    route = await dial(endpoint, lambda: allowed, resolve, timeout=10)
    try:
        yield route
    finally:
        route.stream.abort()


async def refusal(allow: list[str], host: str, port: int, resolve: Resolve) -> Refused:
    with pytest.raises(Refused) as caught:
        async with dialled(allow, host, port, resolve):
            pass
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16",
        "fd00:ec2::254", "0.0.0.0", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
    ],
)  # fmt: skip
async def test_an_allowed_name_that_leads_inside_is_refused(address: str) -> None:
    problem = await refusal(
        ["*.example.org"], "a.example.org", 80, names({"a.example.org": address})
    )
    assert not isinstance(problem, Unreachable)
    assert "leads to" in problem.reason


async def test_an_inside_address_is_dialled_if_it_is_named_literally_with_its_port() -> None:
    async with Origin() as origin:
        resolve = names({"a.example.org": "127.0.0.1"})
        endpoint = f"a.example.org:{origin.port}"
        async with dialled(
            [endpoint, f"127.0.0.1:{origin.port}"], "a.example.org", origin.port, resolve
        ) as route:
            assert route.ip == ipaddress.ip_address("127.0.0.1")
        problem = await refusal([endpoint, "127.0.0.1:1"], "a.example.org", origin.port, resolve)
        assert f"'127.0.0.1:{origin.port}'" in problem.remedy


async def test_the_unspecified_address_is_refused_though_loopback_is_named() -> None:
    problem = await refusal(
        ["a.org", "127.0.0.1", "::1"], "a.org", 80, names({"a.org": ["0.0.0.0", "::"]})
    )
    assert "unspecified" in problem.reason


async def test_a_name_server_that_changes_its_mind_is_asked_only_once() -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def rebinding(_: str) -> Sequence[IP]:
        return [ipaddress.ip_address(text) for text in answers.pop(0)]

    async with Origin() as origin:
        port = origin.port
        async with dialled([f"a.org:{port}", f"127.0.0.1:{port}"], "a.org", port, rebinding):
            assert answers == [["127.0.0.2"]]


async def test_a_name_that_is_not_allowed_is_never_resolved() -> None:
    asked: list[str] = []

    async def resolve(name: str) -> Sequence[IP]:
        asked.append(name)
        return []

    await refusal(["example.org"], "secret-data.evil.com", 443, resolve)
    assert asked == []


async def test_of_several_addresses_only_allowed_ones_are_tried_and_the_next_after_a_failure() -> (
    None
):
    async with Origin() as origin:
        port = origin.port
        resolve = names({"a.org": ["10.0.0.1", "127.0.0.3", "127.0.0.1"]})
        allow = [f"a.org:{port}", f"127.0.0.3:{port}", f"127.0.0.1:{port}"]
        async with dialled(allow, "a.org", port, resolve) as route:
            assert str(route.ip) == "127.0.0.1"


async def test_a_closed_port_is_a_failure_and_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    problem = await refusal([f"127.0.0.1:{port}"], "127.0.0.1", port, names({}))
    assert isinstance(problem, Unreachable)
    assert "refused" in problem.reason


async def test_an_unknown_name_is_a_failure_that_says_so() -> None:
    problem = await refusal(["a.org"], "a.org", 443, names({}))
    assert isinstance(problem, Unreachable)
    assert "not known" in problem.reason


async def test_a_name_without_addresses_is_a_failure() -> None:
    assert isinstance(await refusal(["a.org"], "a.org", 443, names({"a.org": []})), Unreachable)


async def test_a_list_replaced_during_the_lookup_is_the_one_that_counts() -> None:
    allowed = AllowList.parse(["a.org:80", "127.0.0.1:80"])

    async def resolve(_: str) -> Sequence[IP]:
        nonlocal allowed
        allowed = AllowList()
        return [ipaddress.ip_address("127.0.0.1")]

    with pytest.raises(Refused, match="not in the network allow list"):
        await dial(Endpoint(parse_host("a.org"), 80), lambda: allowed, resolve, timeout=10)
