"""A folder as a mount that shows its files under another owner; only root can make one.

Programs run under an id that owns nothing. The mount shows them the owner of the folder as that id
(mount_setattr(2), "ID-mapped mounts"), so that they can write, and what they write belongs to the
owner of the folder.
"""

from __future__ import annotations

import os

from . import kernel


def clone(folder: str, identity: kernel.Identity, owner: int) -> int:
    """A detached mount of ``folder`` whose owner is seen as the user and group ``owner``.

    ``identity`` is the device and inode it must have.

    Raises
    ------
    OSError
        This process may not, or the file system cannot, or something else is there now.
    """
    mount = kernel.open_tree(folder, identity)
    info = os.fstat(mount)
    namespace = _id_namespace(f"{info.st_uid} {owner} 1", f"{info.st_gid} {owner} 1")
    attributes = kernel.MOUNT_ATTR_IDMAP | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV
    kernel.mount_setattr(mount, attributes, namespace)
    os.close(namespace)
    return mount


def attach(folder: str, device: str, inode: str, owner: str, target: str) -> None:
    """Put such a mount of ``folder`` on the folder ``target``."""
    kernel.move_mount(clone(folder, (int(device), int(inode)), int(owner)), target)


def _id_namespace(uid_map: str, gid_map: str) -> int:
    """A user namespace with these maps, as a descriptor."""
    ready_r, ready_w = os.pipe()
    hold_r, hold_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(hold_w)
        kernel.unshare(kernel.CLONE_NEWUSER)
        os.write(ready_w, b".")
        os.read(hold_r, 1)
        os._exit(0)
    os.close(ready_w)
    os.read(ready_r, 1)
    try:
        for name, text in (("uid_map", uid_map), ("gid_map", gid_map)):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(text)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for fd in (ready_r, hold_r, hold_w):
            os.close(fd)
        os.waitpid(pid, 0)
