"""What an allow list covers, and which patterns nobody can mean."""

from __future__ import annotations

from typing import Any

import pytest

from sandcrew.sandbox import PolicyError
from sandcrew.sandbox.network import AllowList
from sandcrew.sandbox.network.hosts import parse_host


def allows(patterns: list[str], host: str, port: int) -> bool:
    return AllowList.parse(patterns).allows(parse_host(host), port)


@pytest.mark.parametrize(
    ("pattern", "host", "port"),
    [
        ("files.example.org", "files.example.org", 443),
        ("files.example.org", "files.example.org", 80),
        ("files.example.org:8443", "files.example.org", 8443),
        ("FILES.example.org.", "files.EXAMPLE.org", 443),
        ("*.example.org", "a.example.org", 443),
        ("*.example.org", "a.b.c.example.org", 443),
        ("*.example.org:81", "a.example.org", 81),
        ("203.0.113.7:443", "203.0.113.7", 443),
        ("[::1]:80", "::1", 80),
        ("::1", "::1", 443),
    ],
)
def test_a_pattern_covers_what_it_says(pattern: str, host: str, port: int) -> None:
    assert allows([pattern], host, port)


@pytest.mark.parametrize(
    ("pattern", "host", "port"),
    [
        ("files.example.org", "files.example.org", 22),
        ("files.example.org:443", "files.example.org", 80),
        ("example.org", "a.example.org", 443),
        ("*.example.org", "example.org", 443),
        ("*.example.org", "evilexample.org", 443),
        ("*.example.org", "example.org.evil.com", 443),
        ("example.org", "example.org.evil.com", 443),
        ("example.org", "notexample.org", 443),
        ("203.0.113.7:443", "203.0.113.8", 443),
        ("127.0.0.1:80", "::1", 80),
    ],
)
def test_a_pattern_covers_nothing_else(pattern: str, host: str, port: int) -> None:
    assert not allows([pattern], host, port)


def test_an_empty_list_allows_nothing() -> None:
    for host in ("example.org", "127.0.0.1", "localhost", "::1"):
        for port in (80, 443, 53):
            assert not allows([], host, port)
    assert not AllowList.parse([])


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("*", "everything"), ("*.", "everything"), ("**", "everything"), ("*.*", "everything"),
        ("*.com", "every name under"), ("*.com:443", "every name under"),
        ("*example.org", "whole labels"), ("a.*.org", "first label"), ("*.*.org", "first label"),
        ("*.10.0.0.1", "subdomains"),
        ("https://example.org", "no URL"), ("example.org/x", "no URL"),
        ("10.0.0.0/8", "no range"),
        ("example.org:*", "every port"), ("example.org:0", "not a port"),
        ("example.org:https", "not a port"), ("example.org:", "not a port"), ("", "empty"),
        ("bücher.example", "xn--"), ("a b", "letters"), ("user@example.org", "letters"),
        ("0.0.0.0", "unspecified"), ("0.0.0.0:80", "unspecified"), ("224.0.0.1", "multicast"),
        ("[::]:80", "unspecified"), ("[ff02::1]:80", "multicast"), ("255.255.255.255", "broadcast"),
        ("127.1", "not an IPv4"), ("0x7f000001:80", "not an IPv4"), ("::ffff:10.0.0.1", "disguise"),
        ("evil.com\0.example.org", "letters"), ("a..org", "empty label"),
    ],
)  # fmt: skip
def test_a_pattern_nobody_can_mean_is_refused_by_name_with_the_reason(
    pattern: str, why: str
) -> None:
    with pytest.raises(PolicyError, match=why) as caught:
        AllowList.parse(["example.org", pattern])
    assert ascii(pattern) in str(caught.value)


@pytest.mark.parametrize("texts", ["example.org", b"example.org", [b"example.org"], [None], [443]])
def test_what_is_no_list_of_texts_is_refused(texts: Any) -> None:
    with pytest.raises(PolicyError):
        AllowList.parse(texts)


def test_a_list_is_a_value_without_repetitions() -> None:
    one = AllowList.parse(["Example.org", "example.org.", "*.a.org:1"])
    assert one == AllowList.parse(["example.org", "*.a.org:1"])
    assert hash(one) == hash(AllowList.parse(["example.org", "*.a.org:1"]))
    assert str(one) == "example.org, *.a.org:1"
    assert str(AllowList()) == "nothing"


def test_a_refusal_says_what_would_have_to_be_allowed() -> None:
    allow = AllowList.parse(["example.org:443"])
    assert allow.why_not(parse_host("example.org"), 443) is None
    assert "only on port 443" in str(allow.why_not(parse_host("example.org"), 22))
    assert "not in the network allow list" in str(allow.why_not(parse_host("evil.com"), 443))
    assert "'evil.com:443'" in allow.remedy(parse_host("evil.com"), 443)
    assert "[::1]:80" in allow.remedy(parse_host("::1"), 80)


def test_a_refusal_from_a_long_list_is_short() -> None:
    allow = AllowList.parse([f"host{number}.example.org" for number in range(1000)])
    assert len(allow.remedy(parse_host("evil.com"), 443)) < 500
