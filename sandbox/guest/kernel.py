"""System calls the standard library has no name for.

Only the standard library is used here, so that this file works in any interpreter from Python 3.9
on. Each function raises :class:`OSError` with the kernel's errno. Numbers of system calls added
since Linux 5.1 are the same on every architecture; older ones go through the C library.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import struct
from typing import Callable, NamedTuple, Sequence

from .bare import signal

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

Identity = Sequence[int]
"""Device and inode of a file."""

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000


def _check(value: int, what: str) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return value


def _syscall(what: str, number: int, *args: object) -> int:
    return _check(_libc.syscall(ctypes.c_long(number), *args), what)


# --- processes and namespaces: clone(2), unshare(2), setns(2), prctl(2), capabilities(7) ---

CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


_CLONE = 220 if os.uname().machine == "aarch64" else 56
_NS_GET_USERNS = 0xB701
_with_the_lock = ctypes.PyDLL(None, use_errno=True)
"""The C library again; the interpreter's lock stays taken: for it there is still only one thread.
"""
_with_the_lock.syscall.restype = ctypes.c_long


def fork_into_new(namespaces: int) -> int:
    """As :func:`os.fork`, with the child in new ``namespaces``; it needs no capability for that if
    one of the user is among them: clone(2), user_namespaces(7).

    What C libraries have registered with pthread_atfork(3) is not run. So no other thread may be
    there, and who is to go on with those libraries is a fork of the child.

    Raises
    ------
    OSError
        The kernel refused.
    """
    ctypes.pythonapi.PyOS_BeforeFork()
    flags = ctypes.c_ulong(namespaces | signal.SIGCHLD)
    pid = int(_with_the_lock.syscall(ctypes.c_long(_CLONE), flags, None, None, None, None))
    number = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid


def owner_of(namespace: int) -> int:
    """The user namespace that a namespace belongs to, as a descriptor: ioctl_nsfs(2)."""
    return int(fcntl.ioctl(namespace, _NS_GET_USERNS))


def prctl(option: int, *args: int) -> int:
    padded = [*args, 0, 0, 0, 0][:4]
    return _check(
        _libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(arg) for arg in padded)), "prctl"
    )


_CLONE_VM, _CLONE_VFORK = 0x100, 0x4000
_MAP_NORESERVE = 0x4000
_STACK = 8 << 20
"""Bytes of address space, as many as programs begin with; of memory only what is used."""


def clone_sharing_memory(function: Callable[[], int]) -> int:
    """A child that shares the memory of this process, which waits until it has ended: clone(2).

    ``function`` runs in it, on a stack of its own, as if it were this very thread: so it must
    return, its exit code, and leave all as it found it. What it forks may go on from there.
    """
    callback = ctypes.CFUNCTYPE(ctypes.c_int)(function)  # it takes no notice of its argument
    stack = mmap.mmap(-1, _STACK, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + _STACK - 64
    flags = _CLONE_VM | _CLONE_VFORK | signal.SIGCHLD
    clone = _with_the_lock.clone
    return _check(clone(callback, ctypes.c_void_p(top), ctypes.c_int(flags), None), "clone")


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


_CAP_VERSION_3 = 0x20080522


def set_capabilities(mask: int) -> None:
    """Make ``mask`` the effective and permitted capabilities; nothing is inheritable."""
    header = _CapHeader(_CAP_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (_CapData * 2)(_CapData(low, low, 0), _CapData(high, high, 0))
    _check(_libc.capset(ctypes.byref(header), data), "capset")


def permitted_capabilities() -> int:
    header = _CapHeader(_CAP_VERSION_3, 0)
    data = (_CapData * 2)()
    _check(_libc.capget(ctypes.byref(header), data), "capget")
    return int(data[0].permitted) | int(data[1].permitted) << 32


def drop_bounding_set(but: int = 0) -> None:
    """Empty the bounding set ``but`` for these, so that no exec can give a capability back."""
    for capability in range(64):
        if but >> capability & 1:
            continue
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL: past the last capability this kernel knows
            break


# --- mounts: mount(2), open_tree(2), move_mount(2), mount_setattr(2), pivot_root(2) ---

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 4

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR_IDMAP = 0x00100000


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    _check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            os.fsencode(kind),
            ctypes.c_ulong(flags),
            os.fsencode(data) if data else None,
        ),
        f"mount {kind or 'flags'} on {target}",
    )


def umount(target: str, flags: int = 0) -> None:
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    number = 41 if os.uname().machine == "aarch64" else 155
    _syscall("pivot_root", number, os.fsencode(new), os.fsencode(old))


def open_tree(path: str, identity: Identity | None = None) -> int:
    """A detached copy of the mounts at ``path``, as a descriptor.

    With an ``identity`` it is of what :func:`open_identified` opens, whose errors it raises.
    """
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE
    if identity is None:
        return _open_tree(AT_FDCWD, path, flags, path)
    fd = open_identified(path, identity)
    try:
        return _open_tree(fd, "", flags | AT_EMPTY_PATH, path)
    finally:
        os.close(fd)


def _open_tree(fd: int, path: str, flags: int, what: str) -> int:
    name = os.fsencode(path)
    return _syscall(f"open_tree {what}", 428, ctypes.c_int(fd), name, ctypes.c_uint(flags))


class _MountAttr(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def mount_setattr(fd: int, attributes: int, userns_fd: int = 0) -> None:
    """Set attributes on the mount ``fd`` and all below it."""
    attr = _MountAttr(attributes, 0, 0, userns_fd)
    _syscall(
        "mount_setattr",
        442,
        ctypes.c_int(fd),
        b"",
        ctypes.c_uint(AT_EMPTY_PATH | AT_RECURSIVE),
        ctypes.byref(attr),
        ctypes.c_size_t(ctypes.sizeof(attr)),
    )


def move_mount(fd: int, target: str) -> None:
    """Attach the detached mount ``fd`` at ``target``."""
    _syscall(
        f"move_mount to {target}",
        429,
        ctypes.c_int(fd),
        b"",
        ctypes.c_int(AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH),
    )


# --- files: openat2(2) ---

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
_NO_LINKS = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


class _OpenHow(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


def open_beneath(dir_fd: int, path: str, flags: int, mode: int = 0) -> int:
    """Open ``path`` below ``dir_fd``: no symbolic link, no other mount, and nothing leads out.

    Raises
    ------
    OSError
        ``EXDEV`` or ``ELOOP`` for a path that would leave or follow a link.
    """
    return _openat2(dir_fd, path, flags, mode, _NO_LINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV)


def open_without_links(dir_fd: int, path: str, flags: int) -> int:
    """Open ``path`` as seen from ``dir_fd``; ``ELOOP`` if any part of it is a symbolic link."""
    return _openat2(dir_fd, path, flags, 0, _NO_LINKS)


def look_up_beneath(dir_fd: int, path: str) -> int:
    """An O_PATH descriptor of ``path`` below ``dir_fd``, links followed as long as they stay there.

    Raises
    ------
    OSError
        ``EXDEV`` for a path that leaves, or goes to another mount.
    """
    resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
    return _openat2(dir_fd, path, os.O_PATH, 0, resolve)


def open_identified(path: str, identity: Identity) -> int:
    """An O_PATH descriptor of the absolute ``path``, which has this device and inode.

    Raises
    ------
    OSError
        ``ESTALE`` or ``ELOOP`` if something else is there now.
    """
    fd = open_without_links(AT_FDCWD, path, os.O_PATH)
    info = os.fstat(fd)
    if (info.st_dev, info.st_ino) != tuple(identity):
        os.close(fd)
        raise OSError(errno.ESTALE, f"{path} is another file than it was")
    return fd


def _openat2(dir_fd: int, path: str, flags: int, mode: int, resolve: int) -> int:
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    return _syscall(
        f"openat2 {path!r}",
        437,
        ctypes.c_int(dir_fd),
        os.fsencode(path),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )


# --- Landlock: landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2) ---

_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_RULE_PATH_BENEATH = 1
_LANDLOCK_RULE_NET_PORT = 2


class _RulesetAttr(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_; older ones ignore it
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


class _NetPort(ctypes.Structure):
    _fields_ = [("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64)]


def landlock_abi() -> int:
    """The Landlock version of this kernel; 0 if it has none or has it switched off."""
    try:
        return _syscall(
            "landlock",
            444,
            None,
            ctypes.c_size_t(0),
            ctypes.c_uint32(_LANDLOCK_CREATE_RULESET_VERSION),
        )
    except OSError:
        return 0


def landlock_ruleset(access_fs: int, access_net: int, scoped: int) -> int:
    attr = _RulesetAttr(access_fs, access_net, scoped)
    # Kernels before ABI 4 and 6 know a shorter structure and refuse a longer one only if its
    # tail is not zero, so the whole of it may always be passed.
    return _syscall(
        "landlock_create_ruleset",
        444,
        ctypes.byref(attr),
        ctypes.c_size_t(ctypes.sizeof(attr)),
        ctypes.c_uint32(0),
    )


def landlock_allow(
    ruleset_fd: int, path: str, access: int, identity: Identity | None = None
) -> None:
    """Allow ``access`` on ``path`` and, if it is a folder, on all below it.

    With an ``identity`` it is what :func:`open_identified` opens, whose errors this raises.
    """
    if identity is None:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    else:
        fd = open_identified(path, identity)
    try:
        rule = _PathBeneath(access, fd)
        _syscall(
            f"landlock_add_rule {path}",
            445,
            ctypes.c_int(ruleset_fd),
            ctypes.c_int(_LANDLOCK_RULE_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(fd)


def landlock_allow_port(ruleset_fd: int, port: int, access: int) -> None:
    """Allow ``access`` to a port of TCP, at any address."""
    rule = _NetPort(access, port)
    _syscall(
        f"landlock_add_rule {port}",
        445,
        ctypes.c_int(ruleset_fd),
        ctypes.c_int(_LANDLOCK_RULE_NET_PORT),
        ctypes.byref(rule),
        ctypes.c_uint32(0),
    )


def landlock_restrict(ruleset_fd: int) -> None:
    _syscall("landlock_restrict_self", 446, ctypes.c_int(ruleset_fd), ctypes.c_uint32(0))


# --- seccomp(2): a filter compiled elsewhere, as bytes ---


class _SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def seccomp_install(program: bytes, *, listen: bool = False) -> int:
    """Install a classic BPF filter; no_new_privs must be set.

    With ``listen`` the answer is a descriptor on which calls arrive that the program hands over
    (seccomp_unotify(2)); it must be kept from the code that is to be confined.

    Raises
    ------
    OSError
        ``EINVAL`` for a program the kernel does not take.
    """
    number = 277 if os.uname().machine == "aarch64" else 317
    set_mode_filter, new_listener = 1, 1 << 3
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = _SockFprog(len(program) // 8, ctypes.addressof(buffer))
    return _syscall(
        "seccomp",
        number,
        ctypes.c_uint(set_mode_filter),
        ctypes.c_uint(new_listener if listen else 0),
        ctypes.byref(fprog),
    )


_NOTIFICATION = struct.Struct("QIIiIQ6Q")
_ANSWER = struct.Struct("QqiI")
_RECEIVE, _SEND = 0xC0502100, 0xC0182101


SETNS = 268 if os.uname().machine == "aarch64" else 308
"""The number of setns(2)."""
_CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE, since Linux 5.5


class Call(NamedTuple):
    """A system call that waits for an answer: struct seccomp_notif of seccomp_unotify(2)."""

    id: int
    pid: int
    """As numbered in the pid namespace of the reader; 0 if it is not in there."""
    number: int
    args: tuple[int, ...]


def seccomp_receive(listener: int) -> Call:
    """Take one call from a listener.

    Raises
    ------
    OSError
        ``ENOENT``: the caller died meanwhile.
    """
    notification = fcntl.ioctl(listener, _RECEIVE, bytes(_NOTIFICATION.size))
    call_id, pid, _, number, _, _, *args = _NOTIFICATION.unpack(notification)
    return Call(call_id, pid, number, tuple(args))


def seccomp_answer(listener: int, call: Call, *, allow: bool) -> None:
    """Let the call be made, or refuse it with ``EPERM``.

    Raises
    ------
    OSError
        ``ENOENT``: the caller died meanwhile.
    """
    error, flags = (0, _CONTINUE) if allow else (-errno.EPERM, 0)
    fcntl.ioctl(listener, _SEND, _ANSWER.pack(call.id, 0, error, flags))
