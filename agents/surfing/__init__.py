"""Agents that look around: in files, later in the web."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .files import Files, FolderFiles
    from .surfer import FileSurfer

__all__ = [
    "FileSurfer",
    "Files",
    "FolderFiles",
]

__getattr__ = _later(
    __name__,
    {
        "files": ["Files", "FolderFiles"],
        "surfer": ["FileSurfer"],
    },
)
