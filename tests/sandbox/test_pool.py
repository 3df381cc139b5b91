"""Guests that are made ahead of demand: who gets them, how many wait, when they are given back."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import Sandbox
from sandcrew.sandbox import pool as pools
from sandcrew.sandbox.pressure import is_memory_scarce

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from sandcrew.sandbox.pool import Pool


@asynccontextmanager
async def a_pool() -> AsyncGenerator[Pool, None]:
    async with Sandbox() as box:
        yield box._zygote.pool  # type: ignore[union-attr]  # pyright: ignore


def waiting(pool: Pool) -> int:
    return len(pool._waiting)  # pyright: ignore[reportPrivateUsage]


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_after_a_guest_was_taken_others_wait() -> None:
    async with a_pool() as pool:
        await pool.take()
        await until(lambda: waiting(pool) >= pools.LEAST)


async def test_many_callers_at_once_each_get_a_guest_of_their_own() -> None:
    async with a_pool() as pool:
        guests = await asyncio.gather(*(pool.take() for _ in range(20)))
        assert len({id(guest) for guest in guests}) == 20
        await until(lambda: waiting(pool) > pools.LEAST)
        await asyncio.sleep(0.1)
        assert waiting(pool) <= pools.MOST


async def test_a_caller_that_gives_up_takes_no_guest_from_the_others() -> None:
    async with a_pool() as pool:
        first, second = (asyncio.ensure_future(pool.take()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await asyncio.wait_for(second, 20)).usable
        assert first.cancelled()


async def test_a_closed_pool_keeps_nobody() -> None:
    async with a_pool() as pool:
        await pool.take()
        await until(lambda: waiting(pool) > 0)
        pool.close()
        await asyncio.sleep(0.1)
        assert waiting(pool) == 0


async def test_when_memory_is_scarce_guests_are_made_and_none_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "WATCH", 0.05)
    async with a_pool() as pool:
        await pool.take()
        await until(lambda: waiting(pool) > 0)
        monkeypatch.setattr(pools, "is_memory_scarce", lambda: True)
        await until(lambda: waiting(pool) == 0)
        assert (await pool.take()).usable
        await asyncio.sleep(0.1)
        assert waiting(pool) == 0


@pytest.mark.parametrize(
    ("pressure", "available", "scarce"),
    [
        ("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 500, False),
        ("some avg10=25.10 avg60=0.00 avg300=0.00 total=0\n", 500, True),
        ("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 20, True),
        ("nonsense", 500, False),
    ],
)
def test_memory_is_scarce_when_programs_wait_for_it_or_little_is_left(
    tmp_path: Path, pressure: str, available: int, scarce: bool
) -> None:
    (tmp_path / "pressure").write_text(pressure)
    (tmp_path / "meminfo").write_text(f"MemTotal: 1000 kB\nMemAvailable: {available} kB\n")
    assert is_memory_scarce(tmp_path / "pressure", tmp_path / "meminfo") is scarce


def test_a_kernel_that_tells_nothing_of_memory_is_no_reason_to_give_back(tmp_path: Path) -> None:
    assert not is_memory_scarce(tmp_path / "pressure", tmp_path / "meminfo")
