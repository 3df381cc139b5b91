"""Interpreters with an environment of their own, of which a test can write the modules."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def an_interpreter_with(
    folder: Path, modules: Mapping[str, str], base: str | Path | None = None
) -> Path:
    """An interpreter that has nothing but the standard library of ``base`` and ``modules``."""
    command = [base or sys.executable, "-m", "venv", "--symlinks", "--without-pip", folder]
    subprocess.run(command, check=True)
    (site_packages,) = folder.glob("lib/python3.*/site-packages")
    for name, code in modules.items():
        (site_packages / f"{name}.py").write_text(code)
    return folder / "bin" / "python"
