"""The benchmark of teams: it runs, and says whether its limits are met."""

from __future__ import annotations

from sandcrew.benchmarks import teams
from sandcrew.benchmarks.pairing import Timing


def rows(ratio: float, floor: str = teams.PEER) -> list[Timing]:
    return [Timing(teams.OURS, floor, 0.001, ratio, 1), Timing(floor, floor, 0.01, 1.0, 1)]


def test_the_verdict_is_about_the_ratio_to_the_peer() -> None:
    assert teams.table("turn", rows(0.19), 10, "turn").endswith("met")
    assert teams.table("turn", rows(0.21), 10, "turn").endswith("MISSED")
    assert "limit" not in teams.table("turn", rows(9.0, teams.ALONE), 10, "turn")


async def test_turns_chunks_and_many_teams_are_measured() -> None:
    assert {row.name for row in await teams.turns(1)} >= {teams.OURS, teams.ALONE}
    assert {row.name for row in await teams.chunks(1)} >= {teams.OURS, teams.ALONE}
    assert await teams.many_teams(20) == "20 teams at once: 0 failures"


async def test_a_team_keeps_little_more_than_its_messages() -> None:
    report = await teams.long_run(2_000)
    kept = float(report.split("keeps ")[1].split(" x")[0])
    assert kept < 1.5, report
