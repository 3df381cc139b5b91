"""Both profiles: a test that takes ``policy`` runs in each, or says why one does not cover it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, Session
from sandcrew.sandbox.policy import PROFILES

from .sessions import a_session

NOT_COVERED = {
    "test_a_full_disk_is_the_programs_problem": "only the size of each file is limited",
    "test_a_million_files_hit_the_inode_limit": "files are not counted",
    "test_the_private_loopback_works_and_leads_nowhere": "there are no sockets at all",
    "test_programs_know_nothing_of_the_zygote_or_of_each_other": "there is no private /dev/shm; "
    "test_landlock_profile.py has what holds",
    "test_a_program_has_no_capability_and_can_get_none": "/proc/self/status cannot be read; "
    "test_landlock_profile.py asks the kernel",
    "test_a_branch_can_be_branched": "branches are made of sessions only; test_branch.py has it",
    "test_a_branch_has_a_way_out_of_its_own_where_hosts_are_allowed": "a list of hosts is refused",
    "test_a_workspace_that_does_not_fit_is_refused": "only the size of each file is limited",
    "test_a_branch_sees_no_process_of_its_parent_or_siblings": "/proc cannot be listed",
    "test_a_branch_has_no_capability_and_gets_none": "/proc/self/status cannot be read",
    "test_the_way_into_a_branch_is_open_to_its_fork_only": "there are no namespaces to enter",
}
"""Tests of both profiles that ``landlock`` does not pass, each with the reason."""
NOT_COVERED_AS_ROOT = {
    "test_the_folder_of_the_caller_is_the_workspace": "the id of guests cannot write it",
    "test_the_callers_folder_is_copied_for_a_branch": "the id of guests cannot write it",
}


@pytest.fixture(params=PROFILES)
def policy(request: pytest.FixtureRequest) -> Policy:
    """The default policy of each profile, with an interpreter that its guests can reach."""
    if request.param == "namespaces":
        return Policy()
    name = str(getattr(request.node, "originalname", ""))
    reasons = NOT_COVERED | (NOT_COVERED_AS_ROOT if os.geteuid() == 0 else {})
    if name in reasons:
        pytest.skip(f"not covered by the profile 'landlock': {reasons[name]}")
    return Policy(profile="landlock", python=reachable_interpreter())


@pytest.fixture
def landlock_policy() -> Policy:
    return Policy(profile="landlock", python=reachable_interpreter())


Live = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture
def live() -> Live:
    """A session in a sandbox of its own: ``async with live(policy, **options) as session``."""
    return a_session


def reachable_interpreter() -> Path | None:
    """An interpreter for guests that root starts, who own nothing; ``None``: this one is."""
    if os.geteuid() != 0:
        return None
    folders = [path for prefix in (sys.prefix, sys.base_prefix) for path in _way_to(prefix)]
    if all(path.stat().st_mode & 0o005 == 0o005 for path in folders):
        return None
    other = Path("/usr/bin/python3")
    if not other.exists():
        pytest.skip("there is no interpreter that a user id that owns nothing can reach")
    return other


def _way_to(prefix: str) -> list[Path]:
    path = Path(prefix).resolve()
    return [path, *path.parents]
