"""The folder of a notebook, lent to its kernel: to be read, with one folder in it to be written.

Who can write a notebook can make its next opening unconfined: the name of its kernel is in the
file. The same is true of modules, settings and tests beside it, which other programs run. So
nothing of the folder can be written but what is in :data:`OUTPUTS`, and notebooks that the code
made there lose that name when the kernel has ended.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError
from ...sandbox.guest import kernel

if TYPE_CHECKING:
    from pathlib import Path

    from ...sandbox.policy import Policy

OUTPUTS = "outputs"
SUFFIX, NEUTRAL = b".ipynb", b".from-code"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MOST = 200_000
"""Folders that are looked into; a policy's ``disk`` allows fewer."""
_LONGEST = 200
"""Bytes of a name that are kept, of the 255 that one may have."""


def share(policy: Policy, folder: Path) -> Policy:
    """The policy with ``folder`` as its workspace.

    Raises
    ------
    UsageError
        :data:`OUTPUTS` is in it and no folder, or cannot be made.
    """
    outputs = folder / OUTPUTS
    try:
        outputs.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{outputs} cannot be made: {error.strerror}.") from error
    return policy.replace(workdir=folder, writable=(OUTPUTS,))


def neutralise(folder: Path) -> list[str]:
    """Take from notebooks in the outputs of ``folder`` the name that opens them; those renamed.

    No link is followed, and no file that is there is replaced. For when the kernel has ended.
    """
    renamed: list[str] = []
    with suppress(OSError):
        top = os.open(folder / OUTPUTS, _FOLDER)
        try:
            pending = [b"."]
            for path in pending:  # grows while it is walked
                with suppress(OSError):  # unreadable, or deeper than any path can say
                    pending += _sweep(top, path, renamed)
                if len(pending) + len(renamed) > _MOST:
                    break
        finally:
            os.close(top)
    return renamed


def _sweep(top: int, path: bytes, renamed: list[str]) -> list[bytes]:
    """Rename the notebooks in one folder; the folders in it."""
    fd = kernel.open_beneath(top, os.fsdecode(path), _FOLDER)
    folders: list[bytes] = []
    try:
        for name in map(os.fsencode, os.listdir(fd)):  # noqa: PTH208
            if name.lower().endswith(SUFFIX):
                name, old = _free_name(fd, name), name
                os.rename(old, name, src_dir_fd=fd, dst_dir_fd=fd)
                renamed.append(os.fsdecode(path + b"/" + name))
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                folders.append(path + b"/" + name)
    finally:
        os.close(fd)
    return folders


def _free_name(fd: int, name: bytes) -> bytes:
    new = name[:_LONGEST] + NEUTRAL
    with suppress(FileNotFoundError):
        os.stat(new, dir_fd=fd, follow_symlinks=False)
        return name[:_LONGEST] + b"-" + secrets.token_hex(8).encode() + NEUTRAL
    return new
