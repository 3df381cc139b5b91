"""The host in a TLS ClientHello, read from the bytes of a real client."""

from __future__ import annotations

import contextlib

import pytest

from sandcrew.sandbox.network.hosts import parse_host
from sandcrew.sandbox.network.refused import Malformed, Refused
from sandcrew.sandbox.network.tls import ClientHello, check_client_hello, parse_client_hello

from .world import client_hello


def message(name: str | None) -> bytes:
    return client_hello(name)[5:]


def with_extension(kind: int, data: bytes, name: str = "a.org") -> bytes:
    """A ClientHello with one extension more."""
    old = message(name)
    at = 4 + 2 + 32
    at += 1 + old[at]
    at += 2 + int.from_bytes(old[at : at + 2])
    at += 1 + old[at]
    more = kind.to_bytes(2) + len(data).to_bytes(2) + data
    extensions = old[at + 2 :] + more
    body = old[4:at] + len(extensions).to_bytes(2) + extensions
    return b"\1" + len(body).to_bytes(3) + body


def test_the_name_is_found() -> None:
    assert parse_client_hello(message("files.example.org")).server_name == "files.example.org"


def test_a_client_of_an_address_names_no_host() -> None:
    assert parse_client_hello(message(None)).server_name is None


def test_every_beginning_of_a_hello_is_malformed() -> None:
    whole = message("a.org")
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            parse_client_hello(whole[:size])


def test_a_hello_with_any_byte_changed_is_read_or_malformed() -> None:
    whole = message("a.org")
    for at in range(len(whole)):
        for value in (0, 1, 0x7F, 0xFF, whole[at] ^ 1):
            with contextlib.suppress(Malformed):
                parse_client_hello(whole[:at] + bytes([value]) + whole[at + 1 :])


def test_bytes_after_the_hello_are_malformed() -> None:
    with pytest.raises(Malformed):
        parse_client_hello(message("a.org") + b"\0")


def test_a_second_server_name_is_malformed() -> None:
    with pytest.raises(Malformed, match="twice"):
        parse_client_hello(with_extension(0, b"\0\x08\0\0\x05b.org"))


@pytest.mark.parametrize(
    "data",
    [
        b"\0\x10\0\0\x05b.org\0\0\x05c.org",  # two names
        b"\0\x08\1\0\x05b.org",  # a name of another kind
        b"\0\x09\0\0\x05b.org",
        b"\0\0",
        b"\0\x07\0\0\x04b\xffrg",
    ],
)
def test_a_server_name_that_is_none_is_malformed(data: bytes) -> None:
    whole = message(None)
    at = 4 + 2 + 32
    at += 1 + whole[at]
    at += 2 + int.from_bytes(whole[at : at + 2])
    at += 1 + whole[at]
    extensions = b"\0\0" + len(data).to_bytes(2) + data
    body = whole[4:at] + len(extensions).to_bytes(2) + extensions
    with pytest.raises(Malformed):
        parse_client_hello(b"\1" + len(body).to_bytes(3) + body)


@pytest.mark.parametrize("kind", [0xFE0D, 0xFFCE])
def test_an_encrypted_hello_is_refused_since_it_can_hide_another_host(kind: int) -> None:
    hello = parse_client_hello(with_extension(kind, b"x"))
    with pytest.raises(Refused, match="hide"):
        check_client_hello(hello, parse_host("a.org"))


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("b.org", "a.org"), ("x.a.org", "a.org"), ("a.org", "x.a.org"), (None, "a.org"),
        ("a.org\0.b.org", "a.org"), ("", "a.org"), ("a.org", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"), ("::1", "::1"),
    ],
)  # fmt: skip
def test_a_hello_for_another_host_is_refused(said: str | None, host: str) -> None:
    with pytest.raises(Refused):
        check_client_hello(ClientHello(said, None), parse_host(host))


@pytest.mark.parametrize(("said", "host"), [("A.org", "a.org"), (None, "203.0.113.7")])
def test_a_hello_for_the_same_host_is_accepted(said: str | None, host: str) -> None:
    check_client_hello(ClientHello(said, None), parse_host(host))
