"""The public surface of sandcrew.executors, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import sandcrew.executors
import sandcrew.executors.testing


def public_names(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("sandcrew")
    }


def test_all_lists_every_public_name_in_order() -> None:
    listed = sandcrew.executors.__all__
    assert listed == sorted(listed)
    assert all(hasattr(sandcrew.executors, name) for name in listed)
    assert public_names(sandcrew.executors) <= set(listed)


def test_the_contract_suite_has_one_public_name() -> None:
    assert sandcrew.executors.testing.__all__ == ["CodeExecutorContract"]


def test_importing_the_package_loads_no_markdown_parser_and_no_pytest() -> None:
    code = "import sys, sandcrew.executors; print({'markdown_it', 'pytest'} & sys.modules.keys())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout == "set()\n"
