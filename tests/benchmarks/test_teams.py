"""The benchmark of teams: it runs, and says whether its limits are met."""

from __future__ import annotations

from sandcrew.benchmarks import teams
from sandcrew.benchmarks.pairing import Timing
from sandcrew.benchmarks.teams.library import ours

BY_TITLE = {comparison.title: comparison for comparison in teams.COMPARISONS}


def rows(ratio: float, floor: str = teams.PEER) -> list[Timing]:
    return [Timing(teams.OURS, floor, 0.001, ratio, 1), Timing(floor, floor, 0.01, 1.0, 1)]


def test_the_verdict_is_about_the_ratio_to_the_peer() -> None:
    turn = BY_TITLE["turn"]
    assert turn.as_text(rows(0.19)).endswith("met")
    assert turn.as_text(rows(0.21)).endswith("MISSED")
    assert "limit" not in turn.as_text(rows(9.0, teams.ALONE))


async def test_turns_chunks_code_and_many_teams_are_measured() -> None:
    for title in ("turn", "streamed chunk", "coder and executor"):
        timings = await BY_TITLE[title].measure(1)
        assert {row.name for row in timings} >= {teams.OURS, teams.ALONE}
    assert "20 teams at once: 0 failures" in await teams.many_teams(ours(), 20)


async def test_a_team_keeps_little_more_than_its_messages() -> None:
    report = await teams.long_run(ours(), 2_000)
    kept = float(report.split("keeps ")[1].split(" x")[0])
    assert kept < 1.5, report
