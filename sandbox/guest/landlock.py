"""Landlock domains of a guest: which files, devices and ports of TCP there are for it.

Documentation/userspace-api/landlock.rst of the kernel. A domain is for ever, and only ever gets
narrower.
"""

from __future__ import annotations

import os
import stat
from types import MappingProxyType
from typing import Any, Collection, Iterable, Iterator, Mapping

from . import confine, kernel

Config = dict[str, Any]

_BIND_TCP, _CONNECT_TCP = 1, 2
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_READ = confine.EXECUTE | confine.READ_FILE | confine.READ_DIR
_USE = confine.READ_FILE | confine.WRITE_FILE | confine.TRUNCATE
_OF_FILES = _USE | confine.EXECUTE | confine.IOCTL_DEV


def restrict(
    config: Config,
    readable: Iterable[str],
    writable: Iterable[str],
    named: Mapping[str, kernel.Identity] = MappingProxyType({}),
) -> None:
    """Enter a domain that reads and executes ``readable`` and does anything in ``writable``.

    ``named`` are the devices and inodes that some of them must have.

    Raises
    ------
    OSError
        One has another, or the kernel refused.
    """
    abi = config["landlock"]
    if not abi:  # in a container, which is a wall by itself; there is none within it then
        return
    handled = confine.handled_by(abi)
    network = _BIND_TCP | _CONNECT_TCP if abi >= 4 and config["network"] == "none" else 0
    ruleset = kernel.landlock_ruleset(handled, network, confine.scopes_of(abi))
    for path in readable:
        _allow(ruleset, path, _READ, named.get(path))
    for path in config["listed"]:
        _allow(ruleset, path, confine.READ_DIR)
    for path in writable:
        is_bound = config["bound"] and path == config["places"]["workspace"]
        unwanted = confine.SPECIAL_FILES if is_bound else _MAKE_CHAR | _MAKE_BLOCK
        access = handled & ~(confine.IOCTL_DEV | unwanted)
        _allow(ruleset, path, access, named.get(path))
    for path in confine.DEVICES:
        _allow(ruleset, path, _USE & handled)
    if network and config["proxy"]:
        kernel.landlock_allow_port(ruleset, config["door"][1], _CONNECT_TCP)
    enter(ruleset)


def all_but(
    closed: Collection[str], paths: Iterable[str], named: Collection[str] = ()
) -> Iterator[str]:
    """What is in ``paths`` and not ``closed``, given that the closed ones have no links in them.

    Landlock has no rule that forbids, so a folder in which a closed one lies is replaced by what
    else is in it. Links are left out: what they lead to counts. The ``named`` have none.
    """
    pending = [path if path in named else os.path.realpath(path) for path in paths]
    for path in pending:  # grows while it is walked
        if path in closed:
            continue
        if not any(is_in(folder, path) for folder in closed):
            yield path
            continue
        with os.scandir(path) as entries:
            pending.extend(entry.path for entry in entries if not entry.is_symlink())


def is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _allow(ruleset: int, path: str, access: int, identity: kernel.Identity | None = None) -> None:
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:  # it went away, and with it what could be allowed
        return
    kernel.landlock_allow(ruleset, path, access if is_folder else access & _OF_FILES, identity)


def enter(ruleset: int) -> None:
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)
