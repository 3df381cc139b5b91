"""A container is not run on trust: whether it is limited is seen where the kernel says it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandcrew.executors import BackendUnavailable
from sandcrew.executors.docker import limits
from sandcrew.executors.docker.limits import holds, require_limits
from sandcrew.sandbox import Policy
from sandcrew.sandbox.cgroup import Cgroup

from .cgroup_tree import tree

pytestmark = pytest.mark.without_engine
SETTINGS = {"HostConfig": {"Memory": 64 << 20, "PidsLimit": 20}}


def in_(cgroup: Cgroup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all processes be in it."""

    def cgroup_of(_: int) -> Cgroup:
        return cgroup

    monkeypatch.setattr(limits, "cgroup_of", cgroup_of)


@pytest.mark.parametrize(
    ("memory", "pids", "held"),
    [
        (str(64 << 20), "20", True),
        (str(32 << 20), "5", True),
        (str(65 << 20), "20", False),
        (str(64 << 20), "max", False),
        ("max", "20", False),
    ],
)
def test_a_limit_of_an_outer_cgroup_holds_and_none_is_none(
    tmp_path: Path, memory: str, pids: str, *, held: bool
) -> None:
    assert holds(tree(tmp_path, memory, pids), 64 << 20, 20) is held


def test_a_container_that_is_held_to_its_settings_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_(tree(tmp_path, str(64 << 20), "20"), monkeypatch)
    assert require_limits(1, SETTINGS, Policy())


def test_a_process_without_such_a_limit_is_refused_and_the_policy_may_go_without() -> None:
    with pytest.raises(BackendUnavailable, match="allow_missing"):
        require_limits(os.getpid(), SETTINGS, Policy())
    assert not require_limits(os.getpid(), SETTINGS, Policy(allow_missing=["cgroup"]))


def test_what_cannot_be_seen_from_here_is_left_to_the_engine() -> None:
    assert require_limits(0, SETTINGS, Policy())
