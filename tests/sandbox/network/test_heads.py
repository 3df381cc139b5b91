"""A head of an HTTP message means one thing or is refused."""

from __future__ import annotations

import pytest

from sandcrew.sandbox.network.hosts import Endpoint, parse_host
from sandcrew.sandbox.network.http import Request, parse_request, parse_response
from sandcrew.sandbox.network.refused import Malformed, Refused


def request(head: str) -> Request:
    return parse_request(head.encode("latin-1"), 100)


def endpoint(text: str, port: int) -> Endpoint:
    return Endpoint(parse_host(text), port)


@pytest.mark.parametrize(
    "head",
    [
        # framed twice, or by something else than these two
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 5\r\nContent-Length: 5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 5\r\nContent-Length: 6",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 5, 5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: +5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: -5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 0x5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 5 5",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length:",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: \xb2",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: " + "9" * 30,
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: gzip, chunked",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: identity",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: xchunked",
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: \x0bchunked",
        "POST http://a.org/ HTTP/1.0\r\nTransfer-Encoding: chunked",
        # lines that are none
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\n X: folded",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\n\tfolded: 1",
        "GET http://a.org/ HTTP/1.1\r\nHost : a.org",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\nX: 1",
        "GET http://a.org/ HTTP/1.1\nHost: a.org",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nX: a\rY: b",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nX: a\0b",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\n: nameless",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nno colon",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nX\xff: 1",
        # hosts
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nHost: b.org",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nhost: a.org",
        "GET http://a.org/ HTTP/1.1",
        # first lines
        "", "GET", "GET http://a.org/", "GET http://a.org/ HTTP/2.0\r\nHost: a.org",
        "GET http://a.org/ HTTP/1.2\r\nHost: a.org", "GET http://a.org/ HTTP/1.1 \r\nHost: a.org",
        "GET  http://a.org/ HTTP/1.1\r\nHost: a.org", " GET http://a.org/ HTTP/1.1\r\nHost: a.org",
        "GET http://a.org/a b HTTP/1.1\r\nHost: a.org", "G(T http://a.org/ HTTP/1.1\r\nHost: a.org",
        "GET http://a.org/\t HTTP/1.1\r\nHost: a.org",
        "GET http://a.org/#x HTTP/1.1\r\nHost: a.org",
        "GET http://a.org/\xe9 HTTP/1.1\r\nHost: a.org",
        "CONNECT a.org:443 HTTP/1.1\r\nHost: a.org\r\nContent-Length: 3",
        "CONNECT a.org:443 HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: chunked",
        "GET http://a.org/ HTTP/1.1\r\nHost: a.org" + "\r\nX: 1" * 200,
    ],
)  # fmt: skip
def test_a_request_that_two_servers_could_read_differently_is_refused(head: str) -> None:
    with pytest.raises(Malformed):
        request(head)


@pytest.mark.parametrize(
    "target",
    [
        "/", "*", "//a.org/", "a.org:80", "https://a.org/", "ftp://a.org/", "file:///etc/passwd",
        "http:/a.org/", "http:a.org", "http://", "http:///x", "http://a.org\\@evil.com/",
        "http://a.org@evil.com/", "http://a.org:80@evil.com/", "http://evil.com%00.a.org/",
        "http://a.org:0/", "http://a.org:/", "http://a.org:99999/", "http://127.1/",
        "http://0x7f.1/", "http://[::ffff:127.0.0.1]/", "http://[::1/", "gopher://a.org/",
    ],
)  # fmt: skip
def test_a_target_that_names_no_http_host_is_refused(target: str) -> None:
    with pytest.raises(Refused):
        request(f"GET {target} HTTP/1.1\r\nHost: a.org").destination()


@pytest.mark.parametrize("target", ["a.org", "http://a.org:443/", "a.org:443/", ":443", "a.org:"])
def test_a_connect_names_a_host_and_a_port_and_nothing_else(target: str) -> None:
    with pytest.raises(Refused):
        request(f"CONNECT {target} HTTP/1.1\r\nHost: a.org").destination()


@pytest.mark.parametrize(
    ("target", "wanted", "path"),
    [
        ("http://a.org/x?y=1", endpoint("a.org", 80), "/x?y=1"),
        ("HTTP://A.org./", endpoint("a.org", 80), "/"),
        ("http://a.org", endpoint("a.org", 80), "/"),
        ("http://a.org?q", endpoint("a.org", 80), "/?q"),
        ("http://a.org:8080/a//b", endpoint("a.org", 8080), "/a//b"),
        ("http://[::1]:81/", endpoint("::1", 81), "/"),
        ("http://a.org/http://b.org/", endpoint("a.org", 80), "/http://b.org/"),
        ("http://a.org/?u=http://user@b.org", endpoint("a.org", 80), "/?u=http://user@b.org"),
    ],
)
def test_a_url_is_taken_apart(target: str, wanted: Endpoint, path: str) -> None:
    found = request(f"GET {target} HTTP/1.1\r\nHost: other.org")
    assert found.destination() == wanted
    assert found.path() == path


def test_what_is_sent_on_is_written_anew() -> None:
    found = request(
        "POST http://A.org:8080/x HTTP/1.1\r\nHost: evil.com\r\nProxy-Authorization: Basic x\r\n"
        "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTE: gzip\r\n"
        "Proxy-Connection: keep-alive\r\nContent-Length: 3\r\nX-Own:  a\xe9 \r\nTrailer: X"
    )
    assert found.rewritten(found.destination()).split(b"\r\n") == [
        b"POST /x HTTP/1.1",
        b"Host: a.org:8080",
        b"X-Own: a\xe9",
        b"Content-Length: 3",
        b"Via: 1.1 sandcrew",
        b"Connection: close",
        b"",
        b"",
    ]


def test_a_connection_field_cannot_take_away_the_host_or_the_framing() -> None:
    found = request(
        "POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\n"
        "Connection: Host, Transfer-Encoding, Content-Length\r\nTransfer-Encoding: chunked"
    )
    head = found.rewritten(found.destination())
    assert b"\r\nHost: a.org\r\n" in head
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head


@pytest.mark.parametrize(
    ("host", "end"),
    [("a.org", "a.org"), ("A.ORG:80", "a.org"), ("a.org.", "a.org")],
)
def test_a_request_inside_a_tunnel_is_for_its_end(host: str, end: str) -> None:
    request(f"GET / HTTP/1.1\r\nHost: {host}").check_tunnelled(endpoint(end, 80))


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: b.org",
        "GET / HTTP/1.1\r\nHost: a.org:81",
        "GET / HTTP/1.1\r\nHost:",
        "GET / HTTP/1.0",
        "GET http://b.org/ HTTP/1.1\r\nHost: a.org",
        "CONNECT b.org:443 HTTP/1.1\r\nHost: a.org",
    ],
)
def test_a_request_inside_a_tunnel_for_another_host_is_refused(head: str) -> None:
    with pytest.raises(Refused):
        request(head).check_tunnelled(endpoint("a.org", 80))


@pytest.mark.parametrize(
    "head",
    [
        "", "HTTP/1.1", "HTTP/1.1 20 OK", "HTTP/2 200", "HTTP/1.1 999 x", "ICY 200 OK",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\n folded", "HTTP/1.1 200 O\nK", "HTTP/1.1 200 OK\nX: 1",
    ],
)  # fmt: skip
def test_a_response_that_is_not_clear_is_refused(head: str) -> None:
    with pytest.raises(Malformed):
        parse_response(head.encode(), "GET", 100)


@pytest.mark.parametrize(
    ("head", "method", "framing"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 7", "GET", 7),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", "GET", "chunked"),
        ("HTTP/1.0 200 OK", "GET", "close"),
        ("HTTP/1.1 200", "GET", "close"),
        ("HTTP/1.1 204 No Content", "GET", 0),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7", "GET", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 7", "HEAD", 0),
        ("HTTP/1.1 100 Continue", "POST", 0),
    ],
)
def test_a_response_is_as_long_as_the_rfc_says(head: str, method: str, framing: object) -> None:
    assert parse_response(head.encode(), method, 100).framing == framing


def test_the_answer_to_head_keeps_the_length_of_what_is_not_sent() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: 7", "HEAD", 100)
    assert b"\r\nContent-Length: 7\r\n" in response.rewritten(response.framing)
