"""Interpreters with an environment of their own, of which a test can write the modules."""

from __future__ import annotations

import sys
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def an_interpreter_with(folder: Path, modules: Mapping[str, str]) -> Path:
    """An interpreter that has nothing but its standard library and ``modules``."""
    venv.create(folder, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for name, code in modules.items():
        (folder / "lib" / version / "site-packages" / f"{name}.py").write_text(code)
    return folder / "bin" / "python"
