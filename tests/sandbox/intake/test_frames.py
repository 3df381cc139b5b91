"""What the host hears: operations of a table, with fields of a type, or the end."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sandcrew.benchmarks.intake import frame_floods
from sandcrew.sandbox.intake import LeftOut, frames
from sandcrew.sandbox.intake.kept import MOST as KEPT
from sandcrew.sandbox.intake.kept import Kept
from sandcrew.sandbox.rich import RichCollector

DONE = {"op": "done", "id": 3, "exit_code": 0, "kind": "none"}
DISPLAY: dict[str, Any] = {
    "op": "display",
    "id": 3,
    "forms": [["text/plain", "text", 2]],
    "metadata": {"a": []},
}
CONFINED = {"op": "confined", "names": ["tmp", "door"], "fds": 2}


def taken(table: frames.Table, told: Any, body: int = 0) -> Any:
    return frames.take_header(table, json.dumps(told).encode(), body)


@pytest.mark.parametrize(
    ("table", "told", "body"),
    [
        (frames.INTERPRETER, DONE, 0),
        (frames.INTERPRETER, {**DONE, "kind": "bytes"}, 16 << 20),
        (frames.INTERPRETER, DISPLAY, 2),
        (frames.INTERPRETER, {"op": "input", "id": 0, "prompt": "?"}, 0),
        (frames.INTERPRETER, {"op": "forked", "id": "branch 1"}, 0),
        (frames.ARRIVING, {"op": "ready"}, 0),
        (frames.GUEST, CONFINED, 0),
        (frames.SESSION, {"op": "denied", "call": -7, "branch": None}, 0),
        (frames.SESSION, {"op": "made", "fds": 3}, 0),
        (frames.FORK_SERVER, {"op": "exited", "id": 1, "exit_code": 0, "cpu_seconds": 0.5}, 0),
        (frames.LAUNCH, {"op": "failed", "errno": None, "message": "no"}, 0),
    ],
)
def test_what_is_in_the_table_is_taken_with_its_fields(
    table: frames.Table, told: dict[str, Any], body: int
) -> None:
    value = taken(table, {**told, "more": "x" * 1000}, body)
    assert not isinstance(value, LeftOut), value
    assert json.loads(json.dumps(value)) == {"fds": 0, **told}, "and nothing else"


REFUSED: list[tuple[frames.Table, dict[str, Any], int, str]] = [
    (frames.INTERPRETER, {}, 0, "'None', for which nobody waits"),
    (frames.INTERPRETER, {"op": ["done"]}, 0, "for which nobody waits"),
    (frames.INTERPRETER, {"op": "x" * 500_000}, 0, "for which nobody waits"),
    (frames.INTERPRETER, {"op": "ready"}, 0, "'ready', for which nobody waits"),
    (frames.GUEST, {"op": "shown", "fds": 1}, 0, "'shown', for which nobody waits"),
    (frames.FORK, {"op": "denied", "call": 1}, 0, "'denied', for which nobody waits"),
    (frames.INTERPRETER, {**DONE, "id": True}, 0, "'id' is no such number"),
    (frames.INTERPRETER, {**DONE, "id": 3.0}, 0, "'id' is no such number"),
    (frames.INTERPRETER, {**DONE, "id": -1}, 0, "'id' is no such number"),
    (frames.INTERPRETER, {**DONE, "id": 10**30}, 0, "'id' is no such number"),
    (frames.INTERPRETER, {**DONE, "exit_code": None}, 0, "'exit_code' is no number"),
    (frames.INTERPRETER, {**DONE, "exit_code": 1e400}, 0, "'exit_code' is no number"),
    (frames.INTERPRETER, {**DONE, "kind": "pickle"}, 0, "'kind' is none of"),
    (frames.INTERPRETER, {**DONE, "kind": []}, 0, "'kind' is none of"),
    (frames.INTERPRETER, DONE, (16 << 20) + 1, "came with 16,777,217 bytes"),
    (frames.INTERPRETER, {**DONE, "fds": 1}, 0, "came with 1 descriptors"),
    (frames.INTERPRETER, {**DONE, "fds": "x"}, 0, "came with x descriptors"),
    (frames.INTERPRETER, {"op": "done", "id": 1}, 0, "'exit_code' is missing"),
    (frames.INTERPRETER, DISPLAY, 3, "not what came"),
    (frames.INTERPRETER, {**DISPLAY, "forms": {}}, 0, "no forms of a value"),
    (frames.INTERPRETER, {**DISPLAY, "forms": [["a", "text", -1]]}, 0, "no forms"),
    (frames.INTERPRETER, {**DISPLAY, "forms": [["a", "text", True]]}, 1, "no forms"),
    (frames.INTERPRETER, {**DISPLAY, "forms": [["a", "svg", 0]]}, 0, "no forms"),
    (frames.INTERPRETER, {**DISPLAY, "forms": [["a", "text", 0]] * 65}, 0, "too many"),
    (frames.INTERPRETER, {**DISPLAY, "metadata": []}, 2, "'metadata' is no object"),
    (frames.INTERPRETER, {**DISPLAY, "metadata": {"a": [[]] * 90_000}}, 2, "memory"),
    (frames.INTERPRETER, {"op": "forked", "id": 1}, 0, "'id' is no text"),
    (frames.GUEST, {**CONFINED, "fds": 0}, 0, "came with 0 descriptors"),
    (frames.GUEST, {**CONFINED, "fds": 17}, 0, "came with 17 descriptors"),
    (frames.GUEST, {**CONFINED, "names": ["tmp", "tmp"]}, 0, "has a name twice"),
    (frames.GUEST, {"op": "limit", "name": "x"}, 0, "'name' is none of"),
    (frames.GUEST, {"op": "ended", "exit_code": 0, "cpu_seconds": -1}, 0, "no such number"),
    (frames.GUEST, {"op": "ended", "exit_code": 0, "cpu_seconds": float("nan")}, 0, "no such"),
    (frames.SESSION, {"op": "buried", "branch": "1", "exit_code": 0}, 0, "no such number"),
    (frames.LAUNCH, {"op": "ready", "missing": []}, 0, "came with 0 descriptors"),
]


@pytest.mark.parametrize(("table", "told", "body", "why"), REFUSED)
def test_anything_else_is_refused_with_the_reason(
    table: frames.Table, told: dict[str, Any], body: int, why: str
) -> None:
    value = taken(table, told, body)
    assert isinstance(value, LeftOut)
    assert why in value.why
    assert len(value.why) < 300


@pytest.mark.parametrize(
    "header", [b"", b"[]", b'{"op":"ready","op":"ready"}', b"[" * 500_000, b'{"op":"\xff"}']
)
def test_a_header_that_is_no_plain_object_is_refused(header: bytes) -> None:
    assert isinstance(frames.take_header(frames.ARRIVING, header, 0), LeftOut)


def test_texts_are_cut_and_can_be_written() -> None:
    value = taken(frames.INTERPRETER, {"op": "input", "id": 1, "prompt": "\ud800" + "x" * 50_000})
    assert value["prompt"] == "\ufffd" + "x" * 4095


def test_little_may_be_said_that_nobody_waits_for() -> None:
    strays = frames.Strays()
    assert strays.allow(8 << 20) is False
    strays = frames.Strays()
    assert all(strays.allow(100) for _ in range(5_000))
    assert not all(strays.allow(100) for _ in range(5_000))


@pytest.mark.parametrize("what", frame_floods.FLOODS)
def test_64_mb_of_frames_take_no_more_than_that_of_the_host(what: str) -> None:
    command = [sys.executable, "-m", "sandcrew.benchmarks.intake.frame_floods", what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, said = done.stdout.split(maxsplit=1)
    assert int(grown) <= 64 << 20, said


def test_types_of_forms_are_counted_as_well_as_what_is_in_them() -> None:
    """Each may have a thousand bytes, and a display many of them with nothing in them."""
    kept = Kept()
    collector = RichCollector(kept)
    size = 0
    for display in range(700):
        forms = [["\U0001f600" * 250 + str(form), "text", 0] for form in range(64)]
        header = taken(frames.INTERPRETER, {**DISPLAY, "id": display, "forms": forms}, 0)
        output = collector.feed(header["forms"], header["metadata"], b"")
        size += 0 if output is None else sum(map(sys.getsizeof, output.data))
    assert kept.truncated
    assert (1 << 20) < size < KEPT
