"""A host has one spelling, and what could be read in two ways is refused."""

from __future__ import annotations

import ipaddress
import random

import pytest

from sandcrew.sandbox.network.hosts import (
    Address,
    Endpoint,
    HostError,
    Name,
    parse_host,
    parse_port,
    printable,
    split_port,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("Files.EXAMPLE.org", "files.example.org"),
        ("example.org.", "example.org"),
        ("localhost", "localhost"),
        ("a-b.c1", "a-b.c1"),
        ("r3---sn-x.example.org", "r3---sn-x.example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("1.2.3.4.example.org", "1.2.3.4.example.org"),
        ("0xdead.beef", "0xdead.beef"),
        ("a" * 63 + ".org", "a" * 63 + ".org"),
    ],
)
def test_a_name_is_lower_case_without_its_final_dot(text: str, name: str) -> None:
    assert parse_host(text) == Name(name)


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:db8::A", "2001:db8::a"),
    ],
)
def test_an_address_in_its_one_spelling_is_an_address(text: str, ip: str) -> None:
    assert parse_host(text) == Address(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    "text",
    [
        # what fooled a proxy that compared the end and dialled the beginning
        "evil.com\0.allowed.com", "evil.com%00.allowed.com", "evil.com\n.allowed.com",
        "evil.com#.allowed.com", "evil.com/.allowed.com", "evil.com\\.allowed.com",
        "evil.com?.allowed.com", "allowed.com@evil.com", "user:pw@evil.com",
        "evil.com .allowed.com",
        "evil.com\t.allowed.com", "evil.com\x7f", "evil.com\x80", " evil.com", "evil.com ",
        # not names
        "", ".", "..", "a..b", ".a", "a..", "-a.org", "a-.org", "a_b.org", "_dmarc.example.org",
        "a" * 64 + ".org", ".".join(["a" * 60] * 5), "*", "*.org", "a,b", "a;b", "a:b",
        # not ASCII, or only looking like it
        "bücher.example", "\uff45xample.org", "example。org", "exa\u00admple.org", "ⓔxample.org",
        "faß.de", "\u0130.org", "\u212a.org",
        "xn--.org", "xn--example-.org", "xn--99999999.org",
        # addresses as a C library reads them
        "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01",
        "017700000001", "0x7f.1", "127.0.0.0x1", "1.2.3.4.", "1.2.3", "1.2.3.4.5", "256.1.1.1",
        "1.2.3.-4", "example.1", "example.0x", "example.0xff",
        "٣.٣.٣.٣", "\uff11\uff12\uff17.0.0.1", "0",
        # IPv6 in odd ways
        "::ffff:127.0.0.1", "::ffff:7f00:1", "[::ffff:127.0.0.1]", "::1%lo", "fe80::1%25eth0",
        "0:0:0:0:0:0:0:1", "[0:0::1]", "2001:db8::0001", "[::1", "::1]", "[127.0.0.1]", "[a.org]",
        "[]", "[", ":", "::1::", "[[::1]]", "1:2:3:4:5:6:7:8:9", "::127.0.0.01",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(HostError):
        parse_host(text)


def test_a_message_about_hostile_text_is_printable_and_short() -> None:
    with pytest.raises(HostError) as caught:
        parse_host("\x1b]0;pwned\x07\n" * 10_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert printable("x" * 1000, limit=20).endswith("…")


def test_random_text_is_a_canonical_host_or_refused() -> None:
    source = random.Random(7)
    pieces = ["a", "xn--", "-", ".", "0x", "1", "255", ":", "[", "]", "%", "\0", "Z", "é", "::"]
    for _ in range(20_000):
        text = "".join(source.choices(pieces, k=source.randrange(1, 9)))
        try:
            host = parse_host(text)
        except HostError:
            continue
        assert parse_host(str(host)) == host
        assert str(host).isascii()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.org:443", ("a.org", 443)),
        ("a.org", ("a.org", None)),
        ("[::1]:8080", ("[::1]", 8080)),
        ("[::1]", ("[::1]", None)),
        ("::1", ("::1", None)),
    ],
)
def test_a_port_is_split_from_its_host(text: str, parts: tuple[str, int | None]) -> None:
    assert split_port(text) == parts


@pytest.mark.parametrize(
    "text", ["", "0", "00443", "+443", "-1", " 443", "443 ", "65536", "4_43", "0x1bb", "٤٤٣", "1e3"]
)
def test_a_port_has_one_spelling_too(text: str) -> None:
    with pytest.raises(HostError):
        parse_port(text)


@pytest.mark.parametrize("text", ["[::1]443", "[::1", "[::1]:", "a.org:", "[::1]:x"])
def test_a_broken_pair_of_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(HostError):
        split_port(text)


def test_an_endpoint_prints_ipv6_in_brackets() -> None:
    assert str(Endpoint(parse_host("::1"), 80)) == "[::1]:80"
