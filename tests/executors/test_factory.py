"""Executors by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandcrew.executors import (
    BackendUnavailable,
    CodeExecutor,
    LocalCommandLineCodeExecutor,
    UsageError,
    create_default_code_executor,
    create_executor,
)


def test_a_built_in_executor_takes_its_options() -> None:
    with pytest.warns(UserWarning, match="all your rights"):
        executor = create_executor("local", timeout=7)
    assert isinstance(executor, LocalCommandLineCodeExecutor)
    assert executor.timeout == 7


def test_the_default_executor_is_confined(tmp_path: Path) -> None:
    assert create_default_code_executor(tmp_path).confined


def test_a_class_can_be_named_by_its_module() -> None:
    with pytest.warns(UserWarning, match="all your rights"):
        executor = create_executor("sandcrew.executors.local:LocalCommandLineCodeExecutor")
    assert isinstance(executor, CodeExecutor)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"jupyter, local, sandbox"):
        create_executor("lokal")


def test_what_is_not_built_yet_says_so() -> None:
    with pytest.raises(BackendUnavailable, match="not built yet"):
        create_executor("azure")


@pytest.mark.parametrize("name", ["no_such_module:X", "os:X", "os:path", ":", "os:", "x y:z"])
def test_a_class_that_is_none_is_the_caller_s_mistake(name: str) -> None:
    with pytest.raises(UsageError):
        create_executor(name)


def test_an_option_the_executor_does_not_take_is_the_caller_s_mistake() -> None:
    with pytest.raises(UsageError, match="speed"):
        create_executor("local", speed=1)


def test_an_installed_package_can_bring_an_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    target = "sandcrew.executors.local:LocalCommandLineCodeExecutor"
    (info / "entry_points.txt").write_text(f"[sandcrew.executors]\nours = {target}\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.warns(UserWarning, match="all your rights"):
        assert isinstance(create_executor("ours"), LocalCommandLineCodeExecutor)
    with pytest.raises(UsageError, match="ours"):
        create_executor("nothing")
