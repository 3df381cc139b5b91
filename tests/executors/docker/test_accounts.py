"""The guests of a container are counted together, and end one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandcrew.executors.docker import accounts
from sandcrew.executors.docker.accounts import container_cgroups
from sandcrew.sandbox import Policy
from sandcrew.sandbox.cgroup import Cgroup

from .cgroup_tree import tree

pytestmark = pytest.mark.without_engine


def test_the_end_of_one_guest_leaves_the_others_of_its_cgroup_their_forks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup = tree(tmp_path, str(64 << 20), "20")

    def cgroup_of(_: int) -> Cgroup:
        return cgroup

    monkeypatch.setattr(accounts, "cgroup_of", cgroup_of)
    together = container_cgroups(1)
    assert together is not None
    together.create(Policy()).end_forks()
    assert (cgroup.folders["pids"] / "pids.max").read_text() == "max"
    cgroup.end_forks()  # the positive control: what it does to a cgroup of one guest
    assert (cgroup.folders["pids"] / "pids.max").read_text().startswith("0")
