"""Where the local executor runs code: its folders, the files of blocks, the environment."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..sandbox.errors import UsageError
from ..sandbox.temporary import make_folder, remove_folder
from ..sandbox.workspace import Workspace
from .command_line import SUFFIXES
from .filename import block_filename

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import SimpleNamespace

    from .block import CodeBlock


@dataclass(frozen=True, slots=True)
class BlockFile:
    path: Path
    language: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of a started executor."""

    work_dir: Path
    private: Path
    """Holds the files of nameless blocks in ``blocks``, and the workspace if it is temporary."""
    workspace: Workspace

    @classmethod
    def make(cls, work_dir: Path | None) -> Place:
        private = make_folder("local")
        (private / "blocks").mkdir()
        folder = private / "workspace" if work_dir is None else work_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            remove_folder(private)
            raise UsageError(f"work_dir {str(folder)!r} cannot be used: {error}.") from error
        return cls(folder, private, Workspace(fd))

    @contextmanager
    def opened(self) -> Generator[Place, None, None]:
        """The same with a descriptor of its own, which outlives a :meth:`remove` meanwhile."""
        fd = os.dup(self.workspace.dir_fd)
        try:
            yield replace(self, workspace=Workspace(fd))
        finally:
            os.close(fd)

    def save(self, block: CodeBlock, *, keep: bool) -> BlockFile:
        """Write a block to a file of its own, or to the one it names, which stays."""
        # A lone surrogate, which JSON can carry, has no place in a file.
        data = block.code.encode(errors="replace")
        name = block_filename(block)
        if name is None:
            unique = f"tmp_code_{secrets.token_hex(16)}{SUFFIXES[block.language]}"
            if not keep:
                path = self.private / "blocks" / unique
                path.write_bytes(data)
                return BlockFile(path, block.language, temporary=True)
            name = unique
        self.workspace.write_file(name, data)
        return BlockFile(self.work_dir / name, block.language, temporary=False)

    def remove(self) -> None:
        os.close(self.workspace.dir_fd)
        remove_folder(self.private)


def interpreter(context: SimpleNamespace | None) -> tuple[str, str | None]:
    """The Python to run, and the folder to put in front of ``PATH``."""
    if context is None:
        return sys.executable, None
    try:
        return str(context.env_exe), str(context.bin_path)
    except AttributeError as error:
        raise UsageError(
            "virtual_env_context is what venv.EnvBuilder().ensure_directories(path) returns."
        ) from error


def environment(work_dir: Path, bin_path: str | None) -> dict[str, str]:
    """The caller's environment; modules of the workspace can be imported."""
    variables = dict(os.environ)
    _prepend(variables, "PYTHONPATH", str(work_dir))
    if bin_path is not None:
        _prepend(variables, "PATH", bin_path)
    return variables


def _prepend(variables: dict[str, str], name: str, folder: str) -> None:
    rest = variables.get(name)
    variables[name] = f"{folder}{os.pathsep}{rest}" if rest else folder
