"""Output is bounded, whole characters, in the order of arrival."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import deque

import pytest

from sandcrew.sandbox import OutputEvent
from sandcrew.sandbox.output import OutputCollector, add_event


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


def test_a_flood_keeps_the_limit_and_tells_half_as_much_again() -> None:
    collector = OutputCollector(limit=1000)
    events = [collector.feed("stdout", b"x" * 997) for _ in range(1000)]
    told = "".join(event.text for event in (*events, *collector.finish()) if event)
    assert len(collector.output) < 1100
    assert told == "x" * 1000 + "\n[… 995,500 characters dropped …]\n" + "x" * 500


def test_a_long_log_is_told_as_it_comes_up_to_the_limit() -> None:
    collector = OutputCollector(limit=1000)
    told = "".join(
        event.text for _ in range(99) if (event := collector.feed("stdout", b"line\n" * 2))
    )
    assert told == "line\n" * 198


@pytest.mark.parametrize("limit", [2, 3, 10, 100, 5000])
def test_all_events_together_tell_the_output(limit: int) -> None:
    chance = random.Random(limit)
    half = limit // 2
    for _ in range(100):
        collector = OutputCollector(limit)
        printed, told = "", ""
        for number in range(chance.randrange(60)):
            text = str(number) * chance.choice((1, 1, 2, 200))
            printed += text
            event = collector.feed(chance.choice(("stdout", "stderr")), text.encode())
            told += event.text if event else ""
        assert told == printed[:limit]
        told += "".join(event.text for event in collector.finish())
        if len(printed) <= limit + half:
            assert told == printed
        else:
            assert told.startswith(printed[:limit])
            assert told.endswith(printed[-half:])
            assert "characters dropped" in told
        if not collector.truncated:
            assert collector.output == told


FLOOD_IN_TURN = """
import resource
from sandcrew.sandbox.output import OutputCollector, add_event

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
collector = OutputCollector()
for _ in range(1_000_000):
    collector.feed("stdout", "\u00e4\u20ac".encode())
    collector.feed("stderr", b"ab")
events = collector.finish()
output = collector.output
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(events), len(output))
"""


def test_a_flood_of_small_pieces_in_turn_takes_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD_IN_TURN], capture_output=True, text=True, check=True
    )
    kibibytes, events, characters = map(int, done.stdout.split())
    assert kibibytes < 48 << 10
    assert events < 20_000
    assert characters > 500_000


def test_what_nobody_takes_meanwhile_becomes_few_events() -> None:
    events: deque[OutputEvent] = deque()
    for _ in range(100_000):
        add_event(events, OutputEvent("x", "stdout"))
    add_event(events, OutputEvent("y", "stderr"))
    assert len(events) < 30
    assert "".join(event.text for event in events) == "x" * 100_000 + "y"


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
    assert texts["stdout"] == "begin-----oooo\n[… 96 characters dropped …]\nverdict"
    assert texts["stderr"] == "eeeeee\n[… 194 characters dropped …]\nwhy"
