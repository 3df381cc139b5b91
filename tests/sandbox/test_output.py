"""Output is bounded, whole characters, in the order of arrival."""

from __future__ import annotations

from sandcrew.sandbox import OutputEvent
from sandcrew.sandbox.output import OutputCollector


def test_both_streams_are_kept_apart_and_together() -> None:
    collector = OutputCollector()
    collector.feed("stdout", b"a\n")
    collector.feed("stderr", b"b\n")
    collector.feed("stdout", b"c\n")
    assert collector.output == "a\nb\nc\n"
    assert (collector.stdout, collector.stderr) == ("a\nc\n", "b\n")
    assert not collector.truncated


def test_a_character_cut_between_chunks_is_put_together() -> None:
    collector = OutputCollector()
    assert collector.feed("stdout", b"\xe2\x82") is None
    assert collector.feed("stdout", b"\xac") == OutputEvent("€", "stdout")


def test_a_cut_character_of_one_stream_does_not_wait_for_the_other() -> None:
    collector = OutputCollector()
    collector.feed("stdout", b"\xe2")
    collector.feed("stderr", b"x")
    collector.finish()
    assert collector.output == "x�"


def test_bytes_that_are_not_utf_8_survive_as_replacements() -> None:
    collector = OutputCollector()
    collector.feed("stdout", b"a\xff\0b")
    assert collector.output == "a�\0b"


def test_head_and_tail_are_kept_and_the_rest_is_counted() -> None:
    collector = OutputCollector(limit=10)
    for chunk in (b"01234", b"5" * 500, b"6" * 500, b"abcde"):
        collector.feed("stdout", chunk)
    assert collector.truncated
    assert collector.output == "01234\n[… 1,000 characters dropped …]\nabcde"


def test_exactly_the_limit_is_not_truncated() -> None:
    collector = OutputCollector(limit=10)
    collector.feed("stdout", b"0123456789")
    assert (collector.output, collector.truncated) == ("0123456789", False)


def test_a_flood_keeps_no_more_than_the_limit() -> None:
    collector = OutputCollector(limit=1000)
    events = [collector.feed("stdout", b"x" * 997) for _ in range(1000)]
    assert sum(len(event.text) for event in events if event) == 1000
    assert len(collector.output) < 1100
