"""Copies of displayed pictures, as files of this host."""

from __future__ import annotations

from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError
from ...sandbox.intake.folder import TargetFolder, put, write_all
from ...sandbox.temporary import make_folder, remove_folder

if TYPE_CHECKING:
    from collections.abc import Generator


class PictureFiles:
    """The folder ``output_dir``, or a temporary one that :meth:`close` removes."""

    def __init__(self, output_dir: Path | str | None) -> None:
        self._given = None if output_dir is None else Path(output_dir).absolute()
        self._own: Path | None = None

    @property
    def folder(self) -> Path:
        """Made at the first use.

        Raises
        ------
        UsageError
            It cannot be made, or there is a link in its path.
        """
        if self._given is not None:
            with self._opened(self._given):
                return self._given
        if self._own is None:
            self._own = make_folder("pictures")
        return self._own

    def save(self, name: str, data: bytes) -> Path:
        """Write one picture; no link that code may have put in its way is followed."""
        folder = self.folder
        with self._opened(folder) as descriptor:
            put(descriptor, name, partial(write_all, data=data), 0o666)
        return folder / name

    @contextmanager
    def _opened(self, path: Path) -> Generator[int]:
        with closing(TargetFolder(path)) as folder:
            try:
                yield folder.descriptor()
            except OSError as error:
                raise UsageError(f"output_dir {str(path)!r}: {error}.") from error

    def close(self) -> None:
        """Remove what is temporary; idempotent."""
        own, self._own = self._own, None
        if own is not None:
            remove_folder(own)
