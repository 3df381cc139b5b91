"""``--save``: the notebook that is kept of a run, in a folder that its code may write too."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sandbox.errors import UsageError
from .terminal import note

if TYPE_CHECKING:
    from pathlib import Path

    from ..sandbox.intake.target_file import TargetFile

EXIT_NOT_SAVED = 73
"""The program ended well, but its notebook was not written: EX_CANTCREAT of sysexits(3)."""


@dataclass
class SavedNotebook:
    """Where a notebook goes, if one is wanted, and what it holds once something ran."""

    target: TargetFile | None
    content: bytes | None = None
    failed: bool = False

    @classmethod
    def at(cls, save: Path | None) -> SavedNotebook:
        """Open the place before anything runs that could put a link there.

        Raises
        ------
        UsageError
            No notebook can be written there.
        """
        from ..sandbox.intake.target_file import TargetFile

        if save is None:
            return cls(None)
        if save.suffix != ".ipynb":
            raise UsageError(f"--save {save}: a notebook's name ends with .ipynb.")
        try:
            return cls(TargetFile(save))
        except UsageError as error:
            raise UsageError(f"--save: {error}") from error

    @property
    def wanted(self) -> bool:
        return self.target is not None

    def write(self) -> None:
        """Write what there is, once nothing of the run lives any more that could interfere."""
        if self.target is None:
            return
        with closing(self.target):
            if self.content is None:
                return
            try:
                self.target.write(self.content)
            except OSError as error:
                self.failed = True
                note(f"--save {self.target.path}: it could not be written: {error.strerror}.")
