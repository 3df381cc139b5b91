"""The table of speed: what is measured, what is left out, and what is written."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sandcrew.benchmarks.speed import (
    BARE,
    Contender,
    Table,
    Target,
    as_html,
    as_text,
    choose,
    contenders,
    measure,
)
from sandcrew.cli import main

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from sandcrew.benchmarks.speed.contender import Operation


def says(*measures: float) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """An operation that gives its measures one after another, the first for the warm-up."""
    left = list(measures)

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async def operation() -> float:
            return left.pop(0)

        yield operation

    return setup


def table_of(*rows: Contender, rounds: int = 3) -> Table:
    return asyncio.run(measure(rows, rounds))


def floor() -> Contender:
    return Contender(name=BARE, group="g", open=says(9, 1, 2, 4))


def test_a_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    mine = Contender(name="mine", group="g", open=says(9, 2, 2, 2))
    _, row = table_of(floor(), mine).rows
    assert (row.measure, row.ratio, row.rounds) == (2, 1.0, 3)


def test_a_contender_takes_part_in_no_more_rounds_than_it_says() -> None:
    once = Contender(name="once", group="g", open=says(5), most=1)
    (row,) = table_of(once).rows
    assert (row.measure, row.rounds, row.ratio) == (5, 1, None)


def test_what_is_missing_or_fails_is_named_and_the_others_go_on() -> None:
    @asynccontextmanager
    async def broken() -> AsyncGenerator[Operation, None]:
        raise RuntimeError("no daemon")
        yield  # pyright: ignore[reportReturnType]

    absent = Contender(name="absent", group="g", open=broken, missing=lambda: "install it")
    fails = Contender(name="fails", group="g", open=broken)
    stops = Contender(name="stops", group="g", open=says(1, 1))  # then it has nothing to say
    table = table_of(absent, fails, stops, floor())
    assert [row.name for row in table.rows] == [BARE]
    assert {item.name: item.why for item in table.skipped} == {
        "absent": "install it",
        "fails": "RuntimeError: no daemon",
        "stops": "IndexError: pop from empty list",
    }
    assert "install it" in as_text(table)


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("ratio", "≤", 0.5), True),
        (Target("ratio", "≤", 0.1), False),
        (Target("measure", "≤", 0.5), True),
        (Target("measure", "≥", 0.75), False),
    ],
)
def test_a_target_is_met_or_not(target: Target, met: bool) -> None:
    mine = Contender(name="mine", group="g", open=says(0, 0.25, 0.5, 1), target=target)
    table = table_of(floor(), mine)
    assert table.rows[1].met is met
    assert ("not met" in as_text(table)) is not met


def test_without_its_floor_a_ratio_is_neither_met_nor_missed() -> None:
    mine = Contender(name="mine", group="g", open=says(0, 1, 1, 1), target=Target("ratio", "≤", 1))
    assert table_of(mine).rows[0].met is None


def test_the_page_needs_nothing_from_elsewhere_and_escapes_names() -> None:
    odd = Contender(name="<script>alert(1)</script>", group="g", open=says(9, 2, 3, 4))
    page = as_html(table_of(floor(), odd))
    assert "<svg" in page
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("<script", "src=", "href=", "url(", "@import"))


def test_words_choose_rows_and_the_floors_they_are_compared_with() -> None:
    chosen = {row.name for row in choose(contenders(), ["pandas preloaded"])}
    assert chosen == {"sandcrew: a run, pandas preloaded", "python3 -c, pandas describe()"}


def test_every_name_is_given_once() -> None:
    names = [row.name for row in contenders(["sandbox", "local"])]
    assert len(names) == len(set(names))


def test_a_real_run_is_measured_beside_its_floor(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    arguments = ["bench", "speed", "--rounds", "2", "--only", "a run,os.fork of a small"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json", str(file)])
    assert not ended.value.code
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert rows["sandcrew: a run"]["ratio"] > 0
    assert rows["os.fork of a small process"]["measure"] > 0
    assert rows["sandcrew: a run"]["floor"] == BARE
