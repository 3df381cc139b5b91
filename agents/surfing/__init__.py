"""Agents that look around: in files, later in the web."""

from .files import Files, FolderFiles
from .surfer import FileSurfer

__all__ = ["FileSurfer", "Files", "FolderFiles"]
