"""The cache of environments: one folder for each, with its locks.

::

    <cache>/<key>/manifest.json     written last: without it the environment does not exist
    <cache>/<key>/in-use            locked by those who use it; its mtime is the last use
    <cache>/<key>/site/             the packages, read-only
    <cache>/<key>.lock              held by the one that builds or removes <key>
    <cache>/new-<key>-<random>/     being built
    <cache>/old-<key>-<random>/     being removed

A folder ``new-…`` or ``old-…`` whose lock is free belongs to somebody who died.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

from . import locks
from .folder import default_folder, delete_tree, open_folder
from .manifest import IN_USE, SITE, Environment, read_environment

if TYPE_CHECKING:
    from pathlib import Path

_KEY = re.compile(r"[0-9a-f]{32}")
_LEFT = re.compile(r"(?:new|old)-([0-9a-f]{32})-[0-9a-f]{16}")


class Lease:
    """An environment that is not removed while this is open. It ends with its process, too."""

    def __init__(self, environment: Environment, fd: int) -> None:
        self.environment = environment
        self._fd: int | None = fd

    @property
    def path(self) -> Path:
        """The folder to put on ``sys.path``."""
        return self.environment.path

    def close(self) -> None:
        """Let it be removed."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PackageCache:
    """The environments in ``folder`` (default: below ``$XDG_CACHE_HOME``).

    Every method may raise ``BackendUnavailable``: others can write in the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._named = folder

    @property
    def folder(self) -> Path:
        """The real folder, made and checked."""
        return open_folder(self._named if self._named is not None else default_folder())

    def find(self, key: str) -> Environment | None:
        """The complete environment ``key``, which counts as a use of it."""
        folder = self.folder / key
        environment = read_environment(folder)
        if environment is not None:
            try:
                os.utime(folder / IN_USE)
            except FileNotFoundError:  # removed this moment
                return None
        return environment

    def lease(self, environment: Environment) -> Lease | None:
        """Keep ``environment`` from being removed; ``None`` if it just was."""
        fd = locks.try_share(environment.path.parent / IN_USE)
        return Lease(environment, fd) if fd is not None else None

    def list(self) -> tuple[Environment, ...]:
        """The complete environments, least recently used first."""
        found = [
            environment
            for folder in self.folder.iterdir()
            if _KEY.fullmatch(folder.name) and (environment := read_environment(folder))
        ]
        return tuple(sorted(found, key=lambda environment: environment.last_used))

    def remove(self, key: str) -> bool:
        """Remove an environment; ``False`` if there is none, or it is leased or being built."""
        cache = self.folder
        if not _KEY.fullmatch(key) or not (cache / key).exists():
            return False
        lock = locks.try_lock(self.lock_path(key))
        if lock is None:
            return False
        try:
            claim = locks.try_claim(cache / key / IN_USE)
            if claim is None:
                return False
            try:
                removed = self._set_aside(key)
            finally:
                os.close(claim)
            delete_tree(removed)
            return True
        finally:
            locks.release(self.lock_path(key), lock)

    def prune(self, max_bytes: int) -> tuple[str, ...]:
        """Remove the least recently used ones until all take at most ``max_bytes``.

        Leased ones stay, and count. Also reaps.

        Returns
        -------
        tuple[str, ...]
            The keys that were removed.
        """
        self.reap()
        environments = self.list()
        total = sum(environment.size for environment in environments)
        removed: list[str] = []
        for environment in environments:
            if total > max_bytes and self.remove(environment.key):
                total -= environment.size
                removed.append(environment.key)
        return tuple(removed)

    def reap(self) -> int:
        """Remove what builders and removers left that were killed; how many folders it was."""
        count = 0
        for path in list(self.folder.iterdir()):
            left = _LEFT.fullmatch(path.name)
            key = left[1] if left else path.name.removesuffix(".lock")
            if not _KEY.fullmatch(key) or read_environment(path):
                continue
            lock = locks.try_lock(self.lock_path(key))
            if lock is None:
                continue
            try:
                count += self._reap_one(path, key)
            finally:
                locks.release(self.lock_path(key), lock)
        return count

    # --- for builders ---

    def lock_path(self, key: str) -> Path:
        """The lock of the one that builds or removes ``key``."""
        return self.folder / f"{key}.lock"

    def new_folder(self, key: str) -> Path:
        """An empty folder to build ``key`` in; the caller holds its lock."""
        folder = self.folder / _name("new", key)
        (folder / SITE).mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / IN_USE).touch(0o600)
        return folder

    def discard_corrupt(self, key: str) -> None:
        """Make room where a corrupt environment lies; the caller holds its lock."""
        if (self.folder / key).exists():
            _delete_unless_leased(self._set_aside(key))

    def _set_aside(self, key: str) -> Path:
        return (self.folder / key).rename(self.folder / _name("old", key))

    def _reap_one(self, path: Path, key: str) -> bool:
        """Remove a folder that is nobody's; the caller holds the lock of ``key``."""
        if path.suffix == ".lock":
            return False  # released, it is gone
        if path.name == key:
            if not path.exists() or read_environment(path):  # finished or gone meanwhile
                return False
            path = self._set_aside(key)
        return _delete_unless_leased(path)


def _name(kind: str, key: str) -> str:
    return f"{kind}-{key}-{secrets.token_hex(8)}"


def _delete_unless_leased(folder: Path) -> bool:
    """Guests may still run from an environment that lost its manifest."""
    in_use = folder / IN_USE
    claim = locks.try_claim(in_use)
    if claim is None and in_use.exists():
        return False
    try:
        delete_tree(folder)
    finally:
        if claim is not None:
            os.close(claim)
    return not folder.exists()
