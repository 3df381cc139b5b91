"""Output is bounded, whole characters, in the order of arrival."""

from __future__ import annotations

import random

import pytest

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


def test_a_flood_keeps_and_tells_no_more_than_the_limit() -> None:
    collector = OutputCollector(limit=1000)
    events = [collector.feed("stdout", b"x" * 997) for _ in range(1000)]
    told = [event.text for event in (*events, *collector.finish()) if event]
    assert "".join(told) == collector.output
    assert len(collector.output) < 1100


@pytest.mark.parametrize("limit", [2, 3, 10, 100, 5000])
def test_all_events_together_tell_the_output(limit: int) -> None:
    chance = random.Random(limit)
    for _ in range(100):
        collector = OutputCollector(limit)
        told: list[OutputEvent | None] = []
        for number in range(chance.randrange(60)):
            text = str(number) * chance.choice((1, 1, 2, 200))
            told.append(collector.feed("stdout", text.encode()))
        told += collector.finish()
        assert "".join(event.text for event in told if event) == collector.output


def test_each_stream_says_what_it_lost_itself() -> None:
    collector = OutputCollector(limit=20)
    told = [collector.feed("stdout", b"begin-----")]
    for _ in range(100):
        told += [collector.feed("stdout", b"o"), collector.feed("stderr", b"ee")]
    told += [collector.feed("stderr", b"why"), collector.feed("stdout", b"verdict")]
    told += collector.finish()
    texts = {
        name: "".join(event.text for event in told if event and event.stream == name)
        for name in ("stdout", "stderr")
    }
    assert texts["stdout"] == "begin-----\n[… 100 characters dropped …]\nverdict"
    assert texts["stderr"] == "\n[… 200 characters dropped …]\nwhy"
