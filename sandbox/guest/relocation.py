"""Moves a live interpreter to other folders: what it remembers of the old ones names the new."""

from __future__ import annotations

import os
import sys
from typing import Any


class Relocation:
    """From old folders to new ones.

    Paths that the code itself keeps in variables stay as they are.
    """

    def __init__(self, folders: dict[str, str]) -> None:
        # Longest first, for one may lie in another.
        self._folders = sorted(folders.items(), key=lambda pair: -len(pair[0]))

    def of(self, path: str) -> str:
        """What ``path`` is called from now on."""
        for old, new in self._folders:
            if path == old or path.startswith(old + "/"):
                return new + path[len(old) :]
        return path

    def move_interpreter(self) -> None:
        """Its environment, its search path, its packages and its temporary folder."""
        for name, value in os.environ.items():
            if self.of(value) != value:
                os.environ[name] = self.of(value)
        sys.path[:] = self._all(sys.path)
        for module in list(sys.modules.values()):
            folders: Any = getattr(module, "__dict__", {}).get("__path__")
            if issubclass(type(folders), list):  # else it is made of the search path, or anything
                folders[:] = self._all(folders)
        tempfile: Any = sys.modules.get("tempfile")
        if tempfile is not None and isinstance(tempfile.tempdir, str):
            tempfile.tempdir = self.of(tempfile.tempdir)

    def _all(self, entries: list[Any]) -> list[Any]:
        return [self.of(entry) if isinstance(entry, str) else entry for entry in entries]
