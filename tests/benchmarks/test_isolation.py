"""The attack suite: its attacks work without confinement, the sandbox holds, nothing is left."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import pytest

from sandcrew.benchmarks.isolation import (
    Attack,
    CommandSubject,
    Evidence,
    ExecutorSubject,
    all_attacks,
    choose,
    run_suite,
)
from sandcrew.benchmarks.isolation.bait import planted
from sandcrew.benchmarks.isolation.place import prepared
from sandcrew.sandbox import UsageError

CONTROL = "no confinement"

# A few of each class, and of each kind of evidence.
_HANDFUL = [
    *("A01", "A05", "A09", "A15", "A19", "A30"),
    *("B01", "B10", "B14", "B19", "B21"),
    *("C01", "C05", "C07", "C08", "C21", "C26", "C28"),
    *("D01", "D17", "D29", "D44", "D47", "D55"),
    *("E01", "E10", "E12", "E14", "E17", "E26"),
    *("F01", "F03", "F16", "F23", "F26", "F28"),
]


def _python() -> str:
    return f"{sys.executable} {{file}}"


def test_there_are_a_hundred_attacks_over_every_class() -> None:
    attacks = all_attacks()
    assert len(attacks) >= 100
    assert {attack.group for attack in attacks} == set("ABCDEFG")
    assert len({attack.number for attack in attacks}) == len(attacks)
    assert len({attack.name for attack in attacks}) == len(attacks)


def test_every_attack_says_what_it_wants_and_what_would_stop_it() -> None:
    for attack in all_attacks():
        assert attack.wants.endswith("."), attack.number
        assert attack.catalogue, attack.number
        assert all(1 <= entry <= 112 for entry in attack.catalogue), attack.number
        assert len(attack.code.splitlines()) <= (40 if attack.role == "program" else 110)
        assert attack.careless or attack.role == "program", attack.number


@pytest.mark.parametrize("number", _HANDFUL)
async def test_an_attack_works_without_confinement_and_not_in_the_sandbox(number: str) -> None:
    table = await run_suite(["sandbox"], choose([number]))
    for _ in range(2):  # on a busy machine the host may look when there is nothing to see yet
        if table.cells[number, CONTROL].outcome != "leaked":
            table = await run_suite(["sandbox"], choose([number]))
    control = table.cells[number, CONTROL]
    assert control.outcome == "leaked", control.why
    cell = table.cells[number, "sandbox"]
    assert cell.outcome == "held", cell.why


_LIVE = ["A15", "B10", "B21", "C07", "D17", "D44", "E12", "F03", "F28"]
"""All of it takes minutes: ``sandcrew bench isolation --executors session,branch``."""
_IN_COMMON = {"B21", "F28"}
"""Two sessions that live in one container at one time see each other's /tmp and processes."""


@pytest.mark.parametrize("names", [["session", "branch"], ["docker-session", "docker-branch"]])
async def test_cells_of_sessions_and_of_branches_hold_what_a_run_holds(
    names: list[str], request: pytest.FixtureRequest
) -> None:
    if "docker-session" in names:
        request.getfixturevalue("engine_with")("base")
    table = await run_suite(names, choose(_LIVE))
    for name in names:
        breaches = {cell.attack for cell in table.breaches() if cell.subject == name}
        assert breaches <= (_IN_COMMON if name == "docker-session" else set())
        assert table.totals(name)["held"] >= len(_LIVE) - len(breaches) - 2
        assert "error" not in table.totals(name)


_KERNELS = ["A15", "B21", "C07", "D17", "E12", "F28"]
"""All of it: ``sandcrew bench isolation --executors jupyter,jupyter-docker``."""


@pytest.mark.parametrize("name", ["jupyter", "jupyter-docker"])
async def test_cells_of_kernels_hold_what_a_run_holds(
    name: str, request: pytest.FixtureRequest
) -> None:
    if name == "jupyter-docker":
        request.getfixturevalue("engine_with")("jupyter")
    table = await run_suite([name], choose(_KERNELS))
    assert table.breaches() == []
    assert table.totals(name)["held"] >= len(_KERNELS) - 2
    assert "error" not in table.totals(name)


async def test_attacks_leak_in_a_peer_that_confines_nothing() -> None:
    peer = CommandSubject.parse(f"plain={_python()}")
    attacks = choose(["B14", "C01", "D44", "E01", "F01"])
    table = await run_suite([peer], attacks)
    assert table.totals("plain")["leaked"] == len(attacks)
    assert len(table.breaches()) == len(attacks)


async def test_what_local_leaks_is_no_breach_for_it_promises_nothing() -> None:
    table = await run_suite(["local"], choose(["C01", "E01"]))
    assert table.totals("local")["leaked"] == 2
    assert table.breaches() == []


async def test_an_attack_that_reaches_nothing_anyway_is_never_reported_as_held() -> None:
    harmless = Attack("A99", "nothing", (1,), "Wants nothing.", Evidence.CLAIM, "print('hello')\n")
    table = await run_suite([CommandSubject.parse(f"plain={_python()}")], [harmless])
    assert table.cells["A99", CONTROL].outcome == "n/a"
    assert table.cells["A99", "plain"].outcome == "n/a"
    assert "not proven here" in table.cells["A99", "plain"].why


async def test_what_an_attack_prints_does_not_count_where_the_host_can_see() -> None:
    boast = Attack("E99", "boast", (1,), "Wants to.", Evidence.HEARD, 'reached("all of it")\n')
    table = await run_suite([], [boast])
    assert table.cells["E99", CONTROL].outcome == "n/a"


async def test_a_peer_that_is_not_installed_is_an_error_and_not_a_wall() -> None:
    table = await run_suite(
        [CommandSubject.parse("missing=no-such-program {file}")], choose(["C01"])
    )
    assert table.cells["C01", "missing"].outcome == "error"


def test_an_unknown_key_of_the_policy_is_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="wall"):
        ExecutorSubject("sandbox", {"wall": "high"})


def test_a_peer_needs_a_name_and_a_place_for_the_program() -> None:
    for text in ("bwrap", "=x {file}", "x=run it", "x='{file}"):
        with pytest.raises(UsageError, match="--peer"):
            CommandSubject.parse(text)


def test_attacks_are_chosen_by_class_or_number() -> None:
    assert {attack.group for attack in choose(["e"])} == {"E"}
    assert [attack.number for attack in choose(["F01", "a01"])] == ["A01", "F01"]
    assert len(choose([])) == len(all_attacks())
    with pytest.raises(UsageError, match="Z9"):
        choose(["Z9"])


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_the_bait_on_the_host_is_gone_afterwards() -> None:
    environment, descriptors = dict(os.environ), _descriptors()
    with planted() as bait:
        paths = [Path(str(bait.places[name])) for name in ("home", "shm_file")]
        assert all(path.exists() for path in paths)
        assert os.environ["BAIT_API_KEY"] in bait.secrets
    assert not any(path.exists() for path in paths)
    assert dict(os.environ) == environment
    assert _descriptors() == descriptors
    segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    assert str(bait.places["shm_key"]) not in {line.split()[0] for line in segments}


def test_the_place_of_a_run_is_gone_afterwards() -> None:
    with planted() as bait:
        descriptors = _descriptors()
        with prepared(choose(["D44"])[0], bait) as place:
            victim = Path("/proc", str(place.places["victim"]))
            dropped = Path("/tmp", place.token)
            dropped.touch()
            assert victim.exists()
            assert str(dropped) in " ".join(place.changed())
        assert not victim.exists()
        assert not dropped.exists()
        assert not place.folder.exists()
        assert _descriptors() == descriptors


def _has_in_environment(process: Path, mark: str) -> bool:
    try:
        return mark.encode() in (process / "environ").read_bytes()
    except OSError:
        return False


async def test_no_process_of_an_attack_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = secrets.token_hex(16)
    monkeypatch.setenv("TEST_MARK", mark)
    table = await run_suite([], choose(["A14", "A15", "A16"]))
    assert table.totals(CONTROL)["leaked"] >= 1
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    assert not [path.name for path in processes if _has_in_environment(path, mark)]


@pytest.mark.timeout(400)
async def test_no_attack_of_the_suite_gets_out_of_the_sandbox() -> None:
    table = await run_suite(["sandbox"], choose("ABCDEF"))
    assert table.breaches() == []
    assert [cell for cell in table.cells.values() if cell.outcome == "error"] == []
    assert table.totals("sandbox")["held"] >= 100
