"""Whose something is can be told, and nobody is taken for dead who may be alive."""

from __future__ import annotations

import os
import subprocess

import pytest

from sandcrew.sandbox import owner


def name_of(pid: int, start: int | None = None) -> str:
    namespace, _, own = owner.this_process().split("-")
    return f"{namespace}-{pid}-{own if start is None else start}"


def test_this_process_is_alive_and_an_earlier_one_of_its_number_is_not() -> None:
    assert owner.is_alive(owner.this_process())
    assert not owner.is_alive(name_of(os.getpid(), start=1))


def test_a_process_that_has_ended_is_not_alive() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not owner.is_alive(name_of(ended.pid))


def test_a_process_that_may_not_be_looked_at_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the option hidepid of /proc."""

    def unseen(_: int) -> None:
        return None

    monkeypatch.setattr(owner, "_start_time", unseen)
    assert owner.is_alive(name_of(os.getpid()))
    assert owner.is_alive(name_of(1)), "a process of another user"


@pytest.mark.parametrize("name", ["", "nonsense", "1-2", "1-2-3"])
def test_what_is_not_of_here_is_not_ours_to_judge(name: str) -> None:
    assert owner.is_alive(name)
