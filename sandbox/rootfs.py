"""What guests see of the host's file system: a list of entries, computed here, built in the guest.

An entry is ``{"path", "bind"}`` (the host's file or folder, read-only), ``{"path", "link"}`` (a
symbolic link) or ``{"path", "text"}`` (a small file). Later entries lie over earlier ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .interpreter import Interpreter
    from .policy import Policy

Entry = dict[str, Any]

GUEST_UID = 1000
"""The only user and group inside."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/java*",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/gai.conf")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
_TEXTS = {
    "/etc/passwd": f"sandbox:x:{GUEST_UID}:{GUEST_UID}::/home/sandbox:/bin/sh\n",
    "/etc/group": f"sandbox:x:{GUEST_UID}:\n",
    "/etc/hostname": "sandbox\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
LOCAL_HOSTS = "127.0.0.1 localhost sandbox\n::1 localhost\n"
"""``/etc/hosts`` of who has no network but the loopback (hosts(5))."""


def root_entries(policy: Policy, interpreter: Interpreter, tools: Iterable[Path]) -> list[Entry]:
    """The entries for ``policy``; ``tools`` are further files and folders that programs need."""
    entries = [_system(path) for path in _SYSTEM if Path(path).exists()]
    binds = [*_etc(), *interpreter.prefixes, interpreter.file, *tools, *map(Path, policy.read_only)]
    if policy.network == "host":
        binds += map(Path, _NETWORK)
    else:
        entries.append({"path": "/etc/hosts", "text": LOCAL_HOSTS})
    entries += [{"path": path, "text": text} for path, text in _TEXTS.items()]
    entries += _outermost(binds)
    entries += [
        {"path": str(path), "link": target}
        for path, target in interpreter.links
        if not _lies_in(path, [Path(entry["path"]) for entry in entries])
    ]
    entries += [
        {"path": f"/dev/{name}", "bind": f"/dev/{name}", "device": True} for name in _DEVICES
    ]
    entries += [{"path": f"/dev/{name}", "link": to} for name, to in _DEVICE_LINKS.items()]
    if policy.terminals:
        entries.append({"path": "/dev/ptmx", "link": "pts/ptmx"})
    if not any(entry["path"].startswith("/var/tmp") for entry in entries):  # noqa: S108
        entries.append({"path": "/var/tmp", "link": "/tmp"})  # noqa: S108
    return entries


def _system(path: str) -> Entry:
    """A system folder, or the link it is on a host with a merged /usr."""
    if Path(path).is_symlink():
        return {"path": path, "link": str(Path(path).readlink())}
    return {"path": path, "bind": path}


def _etc() -> Iterator[Path]:
    for pattern in _ETC:
        yield from Path("/").glob(pattern.lstrip("/"))


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return bool({path, *path.parents} & set(folders))


def _outermost(paths: Iterable[Path]) -> list[Entry]:
    """Binds for the paths that exist and do not lie in another one of them."""
    system = {Path(path) for path in _SYSTEM}
    existing = {path for path in paths if path.exists()}
    return [
        {"path": str(path), "bind": str(path)}
        for path in sorted(existing)
        if not (existing | system) & {*path.parents} and path not in system
    ]
