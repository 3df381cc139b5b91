"""The layers around one guest, put on by its first process before any untrusted code runs.

What is here in public is shared by both profiles; the rest is of the profile ``namespaces``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import struct
from typing import Any, Sequence

from . import kernel, root, sockets
from .bare import socket

Config = dict[str, Any]

# Landlock access rights: linux/landlock.h. Names of the kernel without LANDLOCK_ACCESS_FS_.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ABI_1 = (1 << 13) - 1
SPECIAL_FILES = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
"""Devices, sockets and pipes: a folder of the host is to have none of a guest's."""
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2

_WRITABLE = (root.WORKSPACE, root.HOME, "/tmp", "/dev/shm")
PROXY = ("127.0.0.1", 3128)
"""Where programs in a guest find the proxy."""
DESCRIPTORS = 512
"""How many a program may have open: few enough that messages under way with descriptors in them,
which the kernel counts for each user of the host, leave the caller some (unix(7), SCM_RIGHTS)."""
NICENESS = 5
"""Where all processors are busy, a process in a guest gets a third of the time of one outside;
where not, nothing is slower. So the host answers whatever threads of a session do (sched(7))."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


_TALKATIVE = ("/proc/cmdline", "/proc/keys", "/proc/key-users", "/proc/config.gz")
"""What tells of the host, and not of the guest."""


def confine(config: Config) -> int | None:
    """Put every layer on this process, the first of a new pid namespace.

    Returns the descriptor on which refused system calls arrive, if there is a filter.

    Raises
    ------
    OSError
        A layer could not be put on; the process must end without running anything.
    """
    maps = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    write_maps(config["uid"], maps)
    own_namespaces(config)
    own_mounts(config)
    _leave_the_owner(config, maps)
    os.close(maps)
    limit(config)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if config["landlock"]:
        _landlock(config)
    return filter_calls(config["filters"])


def own_namespaces(config: Config, more: int = 0) -> None:
    """New namespaces of each kind but the user's, and of what kinds ``more`` says."""
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    if config["network"] == "none":
        flags |= kernel.CLONE_NEWNET
    kernel.unshare(flags | more)
    socket.sethostname("sandbox")
    if config["network"] == "none":
        _loopback_up()
        if config["watch_memory"]:
            config["diagnosis"] = sockets.open_diagnosis()


def _loopback_up() -> None:
    """Switch on the private loopback, so that programs can talk to themselves (netdevice(7))."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        request = fcntl.ioctl(sock, get_flags, struct.pack("16sh22x", b"lo", 0))
        (flags,) = struct.unpack_from("h", request, 16)
        fcntl.ioctl(sock, set_flags, struct.pack("16sh22x", b"lo", flags | up))


def own_mounts(config: Config, *more: str) -> None:
    """Fresh private folders where programs write, those of ``more`` included, and a /proc."""
    hidden = config["under_tmp"]
    clones = [kernel.open_tree(entry["path"]) if "bind" in entry else None for entry in hidden]
    root.private_tmpfs("/tmp", config["disk"], config["files"])
    root.private_tmpfs("/dev/shm", config["shm"], config["files"])
    for path in more:
        root.private_tmpfs(path, config["disk"], config["files"], "0755")
    if config["terminals"]:
        root.private_terminals(config["terminals"])
    root.show_again(hidden, clones)
    kernel.mount("proc", "/proc", "proc", root.PROC | kernel.MS_RDONLY)
    for path in _TALKATIVE:
        if os.path.exists(path):
            kernel.mount("/dev/null", path, "", kernel.MS_BIND)
    os.chdir(root.WORKSPACE)


def _leave_the_owner(config: Config, maps: int) -> None:
    """Leave every capability behind, in one more user namespace.

    It gives the process limit a count of its own (RLIMIT_NPROC counts per user and namespace,
    user_namespaces(7)), and owns none of the other namespaces, so that nothing inside has power
    over them.
    """
    kernel.unshare(kernel.CLONE_NEWUSER)
    write_maps(config["uid"], maps)
    _list_no_mounts(config)
    drop_capabilities()


def write_maps(uid: int, proc: int) -> None:
    """Let the new user namespace of this process have one id; ``proc`` is its folder in /proc."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or these files would belong to root
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{uid} {uid} 1"),
        ("oom_score_adj", "1000"),
    ):
        fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        os.write(fd, text.encode())
        os.close(fd)


def _list_no_mounts(config: Config) -> None:
    """Go to another mount namespace, with the root and the working folder still in this one.

    The kernel lists the mounts of a process's namespace that can be reached from its root
    (proc_pid_mountinfo(5)): now there are none. The list would tell where on the host the workspace
    lies. The namespace that is left lives as long as somebody has it open.
    """
    config["mounts"] = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    top = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    kernel.unshare(kernel.CLONE_NEWNS)
    os.fchdir(top)
    os.chroot(".")
    os.close(top)
    os.chdir(root.WORKSPACE)


def drop_capabilities() -> None:
    kernel.drop_bounding_set()
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    kernel.set_capabilities(0)


def become_unprivileged(uid: int | None) -> None:
    """Be for good a process that may do no more than others of the user ``uid``, or its own."""
    kernel.drop_bounding_set()
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    if uid is not None and uid != os.getuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.set_capabilities(0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or its files in /proc would belong to root


def join_cgroups(doors: Sequence[int]) -> None:
    """Move this process into what ``doors`` lead to, ``tasks`` or ``cgroup.procs``: cgroups(7).

    Raises
    ------
    OSError
        The kernel refused.
    """
    for door in doors:
        os.write(door, b"0")
        os.close(door)


def data_size() -> int:
    """Bytes that RLIMIT_DATA counts: the sixth field of /proc/self/statm (proc(5)).

    Libraries reserve much that they never use; what a guest was forked with is not its own.
    """
    with open("/proc/self/statm") as file:
        return int(file.read().split()[5]) * resource.getpagesize()


def limit(config: Config) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: config["memory"] + data_size(),
        resource.RLIMIT_FSIZE: config["disk"],
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_MEMLOCK: 64 << 10,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_SIGPENDING: 1024,
    }
    if config["processes"] is not None:
        limits[resource.RLIMIT_NPROC] = config["processes"]
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if config["cpus"]:
        cpus = sorted(os.sched_getaffinity(0))[: config["cpus"]]
        os.sched_setaffinity(0, cpus)


def handled_by(abi: int) -> int:
    """All accesses to files that this version of Landlock can refuse."""
    handled = _ABI_1
    handled |= REFER if abi >= 2 else 0
    handled |= TRUNCATE if abi >= 3 else 0
    return handled | (IOCTL_DEV if abi >= 5 else 0)


def scopes_of(abi: int) -> int:
    return _SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if abi >= 6 else 0


def _landlock(config: Config) -> None:
    handled = handled_by(config["landlock"])
    ruleset = kernel.landlock_ruleset(handled, 0, scopes_of(config["landlock"]))
    kernel.landlock_allow(ruleset, "/", EXECUTE | READ_FILE | READ_DIR)
    # Rules stick to folders, and those of a branch are others: in a session writing is left to
    # the mounts, of which all but these four are read-only.
    for path in ("/",) if config["session"] else _WRITABLE:
        is_bound = path == root.WORKSPACE and config["workdir"]
        unwanted = IOCTL_DEV | (SPECIAL_FILES if is_bound else 0)
        kernel.landlock_allow(ruleset, path, handled & ~unwanted)
    for path in DEVICES:
        kernel.landlock_allow(ruleset, path, (READ_FILE | WRITE_FILE | TRUNCATE) & handled)
    if config["terminals"]:
        rights = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV
        kernel.landlock_allow(ruleset, root.TERMINALS, rights & handled)
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)


def filter_calls(programs: list[bytes]) -> int | None:
    """Install the filters. The first one hands calls over, and no process may have two such."""
    if not programs:
        return None
    first, *others = programs
    for program in others:
        kernel.seccomp_install(program)
    return kernel.seccomp_install(first, listen=True)
