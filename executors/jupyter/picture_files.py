"""Copies of displayed pictures, as files of this host."""

from __future__ import annotations

from pathlib import Path

from ...sandbox.errors import UsageError
from ...sandbox.temporary import make_folder, remove_folder


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
            It cannot be made.
        """
        if self._given is not None:
            try:
                self._given.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"output_dir {str(self._given)!r}: {error}.") from error
            return self._given
        if self._own is None:
            self._own = make_folder("pictures")
        return self._own

    def save(self, name: str, data: bytes) -> Path:
        """Write one picture under a name that no file has yet."""
        path = self.folder / name
        with path.open("xb") as file:
            file.write(data)
        return path

    def close(self) -> None:
        """Remove what is temporary; idempotent."""
        own, self._own = self._own, None
        if own is not None:
            remove_folder(own)
