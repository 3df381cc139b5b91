"""The walls of branches that have no namespaces: Landlock, and what it does not know of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import Policy, Sandbox

from .branch_attacks import ATTACKS, CHANGES_MODES, from_a_branch, unconfined

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def policy(landlock_policy: Policy) -> Policy:
    return landlock_policy.replace(timeout=20)


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_would_work(attack: str, tmp_path: Path) -> None:
    """The positive control."""
    code = ATTACKS[attack]
    found = unconfined(code, tmp_path)
    assert found.count("REACHED") >= code.count("attempt("), found


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_branch_does_not_reach_its_parent(policy: Policy, attack: str) -> None:
    async with Sandbox(policy) as box:
        printed, before, after = await from_a_branch(ATTACKS[attack], box)
    assert "REACHED" not in printed
    assert "refused" in printed
    assert before == after


async def test_a_branch_changes_no_modes_and_times_of_its_parents_files(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        _, before, after = await from_a_branch(CHANGES_MODES, box)
    assert before == after
