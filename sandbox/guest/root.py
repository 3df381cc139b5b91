"""The small root that guests see, built once for all guests of a sandbox."""

from __future__ import annotations

import os
from typing import Any

from . import kernel

READ_ONLY = kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV
PRIVATE = kernel.MS_NOSUID | kernel.MS_NODEV
PROC = PRIVATE | kernel.MS_NOEXEC

WORKSPACE = "/workspace"
HOME = "/home/sandbox"
TERMINALS = "/dev/pts"

Entry = dict[str, Any]


def build(config: dict[str, Any], workspace_mount: int | None) -> None:
    """Build the root that ``config`` describes and make it this process's root.

    ``workspace_mount`` is a detached mount to use as the workspace; without one the workspace is
    a fresh tmpfs. The old root is gone afterwards, and the new one cannot be written.
    """
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    # All sources are taken before anything is covered, and by descriptor, so that it does not
    # matter what lies where, and nothing can be exchanged between look-up and mount.
    entries = [(entry, _clone(entry, config["named"])) for entry in config["root"]]
    kernel.mount("tmpfs", "/tmp", "tmpfs", PRIVATE, "mode=0755,size=8m")
    os.chdir("/tmp")
    for entry, clone in entries:
        _place(entry, clone)
    _private_folder(WORKSPACE, config, workspace_mount)
    if config["writable"] is not None:
        _close_but("." + WORKSPACE, config["writable"])
    _private_folder(HOME, config, None)
    for path in ("/tmp", "/dev/shm", "/proc", *([TERMINALS] if config["terminals"] else [])):
        os.makedirs("." + path, exist_ok=True)
    kernel.mount("proc", "./proc", "proc", PROC)
    _spare_the_callers_quota()
    # pivot_root(2), "pivot_root(".", ".")": the old root lies under the new one for a moment.
    kernel.pivot_root(".", ".")
    kernel.umount(".", kernel.MNT_DETACH)
    os.chdir("/")
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | PRIVATE
    kernel.mount("none", "/", "", flags)


def _spare_the_callers_quota() -> None:
    """Limit what guests take of counters that the kernel keeps for each user, for the caller's
    own processes share them: "Limits" in namespaces(7), inotify(7)."""
    for name, most in (("max_inotify_instances", 32), ("max_inotify_watches", 8192)):
        try:
            with open("./proc/sys/user/" + name, "w") as file:
                file.write(str(most))
        except FileNotFoundError:  # before Linux 5.13 they are not counted so
            pass


def entries_under_tmp(config: dict[str, Any]) -> list[Entry]:
    """Binds and links that the private ``/tmp`` of each guest would hide."""
    return [e for e in config["root"] if "text" not in e and e["path"].startswith("/tmp/")]


def show_again(entries: list[Entry], clones: list[int | None]) -> None:
    """Put what lay under ``/tmp`` into the new one."""
    for entry, clone in zip(entries, clones):
        if clone is not None:
            attach(clone, entry["path"])
        else:
            os.makedirs(os.path.dirname(entry["path"]), exist_ok=True)
            os.symlink(entry["link"], entry["path"])


def private_tmpfs(path: str, size: int, files: int, mode: str = "1777") -> None:
    data = f"mode={mode},size={size},nr_inodes={files + 1}"  # and the folder itself
    kernel.mount("tmpfs", path, "tmpfs", PRIVATE, data)


def private_terminals(most: int) -> None:
    """An instance of its own (documentation of the kernel, filesystems/devpts): what it names can
    be reached by nobody outside, and no terminal of the host by anybody here."""
    flags = kernel.MS_NOSUID | kernel.MS_NOEXEC
    kernel.mount("devpts", TERMINALS, "devpts", flags, f"ptmxmode=0666,mode=0600,max={most}")


def attach(clone: int, path: str) -> None:
    """Attach a detached mount at ``path``, making what is needed to hold it."""
    _make_mount_point(clone, path)
    kernel.move_mount(clone, path)
    os.close(clone)


def _clone(entry: Entry, named: dict[str, kernel.Identity]) -> int | None:
    if "bind" not in entry:
        return None
    clone = kernel.open_tree(entry["bind"], named.get(entry["bind"]))
    # A device must stay one; everything else loses devices and set-uid bits.
    attributes = kernel.MOUNT_ATTR_NOSUID if entry.get("device") else READ_ONLY
    kernel.mount_setattr(clone, attributes)
    return clone


def _place(entry: Entry, clone: int | None) -> None:
    path = "." + entry["path"]
    if clone is not None:
        attach(clone, path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if "link" in entry:
        os.symlink(entry["link"], path)
    else:
        with open(path, "w") as file:
            file.write(entry["text"])


def _private_folder(path: str, config: dict[str, Any], clone: int | None) -> None:
    os.makedirs("." + path, exist_ok=True)
    if clone is not None:
        attach(clone, "." + path)
        return
    private_tmpfs("." + path, config["disk"], config["files"], "0755")
    os.chown("." + path, config["uid"], config["uid"])


def _close_but(path: str, names: list[str]) -> None:
    """Make the mount at ``path`` one to read, but for these folders in it.

    They are mounts of their own then, which cannot be renamed, and neither can what is above them.
    """
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
    folders = {name: os.open(f"{path}/{name}", flags) for name in names}
    # By descriptor: what has the name when it is looked up again may be a link.
    clones = {name: kernel.open_tree(f"/proc/self/fd/{fd}") for name, fd in folders.items()}
    remount = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | PRIVATE
    kernel.mount("none", path, "", remount)
    for name, clone in clones.items():
        kernel.move_mount(clone, f"{path}/{name}")
        os.close(clone)
        os.close(folders[name])


def _make_mount_point(clone: int, path: str) -> None:
    import stat

    if stat.S_ISDIR(os.fstat(clone).st_mode):
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a"):
        pass
