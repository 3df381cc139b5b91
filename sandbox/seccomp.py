"""The system call filter, compiled on the host with libseccomp and handed to guests as bytes.

Two programs, of which the kernel takes the stricter answer. The first is an allow list: what is
not on it does not exist (ENOSYS, so that libraries fall back to older calls), and what is known
to be dangerous is refused (EPERM). The second looks at arguments of calls the first allows.
"""

from __future__ import annotations

import errno
import importlib
import os
from functools import cache
from typing import Any, Literal

from .errors import BackendUnavailable

ALLOWED = """
accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres
clock_gettime clock_nanosleep clone close close_range connect copy_file_range creat dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve
execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat
fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fstat fstatfs fsync
ftruncate futex futex_waitv futimesat get_robust_list get_thread_area getcpu getcwd getdents
getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch ioctl ioprio_get kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr lseek lstat
madvise membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock mlock2 mmap mprotect
mremap msync munlock munmap nanosleep newfstatat open openat pause pidfd_open
pidfd_send_signal pipe pipe2 poll ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64
pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg rename
renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_yield seccomp select sendfile sendmmsg sendmsg
sendto set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid
setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid shutdown
sigaltstack signalfd signalfd4 socket socketpair splice stat statfs statx symlink symlinkat sync
sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate
umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write writev
""".split()

REFUSED = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module finit_module fsconfig
fsmount fsopen fspick get_kernel_syms init_module io_setup io_submit ioperm iopl kcmp
kexec_file_load kexec_load keyctl lookup_dcookie modify_ldt mount mount_setattr move_mount msgctl
msgget msgrcv msgsnd name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open
personality pidfd_getfd pivot_root process_madvise process_mrelease process_vm_readv
process_vm_writev ptrace quotactl quotactl_fd reboot request_key semctl semget semop semtimedop
setdomainname sethostname setns settimeofday shmat shmctl shmdt shmget swapoff swapon syslog
umount umount2 unshare uselib userfaultfd ustat vhangup vmsplice vserver
""".split()

REFUSED_QUIETLY = """
io_uring_enter io_uring_register io_uring_setup mbind migrate_pages move_pages sched_setaffinity
sched_setattr sched_setparam set_mempolicy
""".split()
"""What libraries try by themselves and do without; whoever wrote the code need not know."""

Sockets = Literal["none", "tcp", "network"]

NAMESPACE_FLAGS = (
    0x00000080, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
CLONE_PARENT = 0x00008000
_CLONE_VM, _CLONE_FS, _CLONE_FILES = 0x100, 0x200, 0x400
_CLONE_VFORK, _CLONE_THREAD = 0x4000, 0x10000
_SHARING = (
    (_CLONE_VM | _CLONE_VFORK | _CLONE_THREAD, _CLONE_VM),
    (_CLONE_FS | _CLONE_THREAD, _CLONE_FS),
    (_CLONE_FILES | _CLONE_THREAD, _CLONE_FILES),
)
"""Masks and values of processes that are no threads but share memory, a folder or descriptors:
no library makes such (vfork(2) ends at once), and one of them in a branch would lead out of it."""
SCHED_OTHER = 0
_AF_NETLINK = 16
_RENAME_WHITEOUT = 4
_SOL_SOCKET, _SO_SNDBUF = 1, 7
_OF_TERMINALS = (0x5412, 0x541C, 0x541D, 0x5423)
"""TIOCSTI and TIOCLINUX, which type for others, TIOCCONS, which takes the console's output, and
TIOCSETD, which loads line disciplines, many of them old: ioctl_tty(2)."""
_AF_UNIX, _AF_INET, _AF_INET6 = FAMILIES = (1, 2, 10)
_SOCK_TYPE_MASK, _SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET = 0xF, 1, 2, 5
_IPPROTO_UDP = 17
_PROTOCOLS = (0, 1, 6, _IPPROTO_UDP)
"""The default one, PF_UNIX's own, TCP and UDP."""
_INT = 0xFFFFFFFF  # the kernel looks at the low half of an int argument only


def _library() -> Any:
    """Debian's module of libseccomp itself where it is, else the one from PyPI."""
    try:
        try:
            return importlib.import_module("seccomp")
        except ImportError:
            return importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendUnavailable(
            "seccomp",
            why=f"libseccomp cannot be loaded ({error})",
            remedy="Install it: apt install libseccomp2, or dnf install libseccomp. A policy can "
            "do without by naming 'seccomp' in allow_missing.",
        ) from error


def call_name(number: int) -> str:
    """The name of a system call of this architecture."""
    library = _library()
    try:
        name = library.resolve_syscall(library.Arch.NATIVE, number)
    except ValueError:
        return f"system call {number}"
    return name.decode() if isinstance(name, bytes) else str(name)


@cache
def filters() -> tuple[bytes, ...]:
    """The programs, in the order to install them (seccomp(2), SECCOMP_SET_MODE_FILTER).

    Raises
    ------
    BackendUnavailable
        There is no libseccomp.
    """
    library = _library()
    return (_export(_allow_list(library)), _export(_argument_rules(library)))


CONFINING = """
chroot mount mount_setattr move_mount open_tree sched_setaffinity sethostname setns unshare
""".split()
"""What the first process of a guest needs besides, until it installs the programs of guests."""


@cache
def of_fork_server() -> bytes:
    """The program for the fork server, which its guests inherit.

    What they are to be told of when they are refused it does not exist for the fork server: nobody
    listens there, and in a guest the program that was installed last is heard (seccomp(2)).
    """
    library = _library()
    program = library.SyscallFilter(library.ERRNO(errno.ENOSYS))
    for name in (*ALLOWED, "sched_setscheduler", *CONFINING):
        _add(program, library.ALLOW, name)
    for name in set(REFUSED) - set(CONFINING):
        _add(program, library.NOTIFY, name)
    for name in set(REFUSED_QUIETLY) - set(CONFINING):
        _add(program, library.ERRNO(errno.EPERM), name)
    return _export(program)


@cache
def without_cgroup() -> bytes:
    """A program for guests whose memory is watched and not counted by the kernel.

    What is in a memfd and mapped nowhere cannot be seen from outside (memfd_create(2)), nor what a
    socket had sent that is closed: so none sends more ahead than is usual (socket(7), SO_SNDBUF).
    """
    library = _library()
    program = library.SyscallFilter(library.ALLOW)
    _add(program, library.ERRNO(errno.ENOSYS), "memfd_create")
    level = library.Arg(1, library.MASKED_EQ, _INT, _SOL_SOCKET)
    option = library.Arg(2, library.MASKED_EQ, _INT, _SO_SNDBUF)
    _add(program, library.ERRNO(0), "setsockopt", level, option)
    return _export(program)


@cache
def of_work_folder() -> bytes:
    """A program for guests whose workspace is a folder of the host, which is counted.

    By preallocation they would take room on the disk faster than anybody counts; the C library
    writes instead. Renaming can leave a device behind (RENAME_WHITEOUT), which Landlock does not
    know of.
    """
    library = _library()
    program = library.SyscallFilter(library.ALLOW)
    _add(program, library.ERRNO(errno.EOPNOTSUPP), "fallocate")
    whiteout = library.Arg(4, library.MASKED_EQ, _RENAME_WHITEOUT, _RENAME_WHITEOUT)
    _add(program, library.ERRNO(errno.EINVAL), "renameat2", whiteout)
    return _export(program)


@cache
def without_namespaces(*, sockets: Sockets, own_uid: bool) -> bytes:
    """A third program, for what namespaces hide elsewhere and Landlock does not know of.

    Parameters
    ----------
    sockets:
        Which can be made besides pairs of streams: none, those of TCP, or those of any network; in
        no case sockets of Unix paths and names.
    own_uid:
        Guests have a user id that owns nothing. Otherwise they have the caller's, and what an
        owner may do to files it cannot write must be kept from them.
    """
    library = _library()
    program = library.SyscallFilter(library.ALLOW)
    _close_sockets(library, program, sockets)
    refuse, pretend = library.ERRNO(errno.EPERM), library.ERRNO(0)
    _add(program, refuse, "sched_setscheduler")  # reaches other processes of the user
    for command in _FLAGS_OF_FILES:
        _add(program, refuse, "ioctl", library.Arg(1, library.MASKED_EQ, _INT, command))
    if not own_uid:
        for name in _MODES_AND_TIMES:
            _add(program, pretend, name)
        for name in _OWNERS:
            _add(program, refuse, name)
    return _export(program)


_FLAGS_OF_FILES = (0x40086602, 0x40046602, 0x401C5820)
"""FS_IOC_SETFLAGS, its 32-bit form, and FS_IOC_FSSETXATTR: ioctl_iflags(2)."""
_MODES_AND_TIMES = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat",
)  # fmt: skip
"""Landlock does not confine them. They answer 0 and do nothing, as under fakeroot(1), for what
copies or unpacks files takes a refusal for a failure."""
_OWNERS = ("chown", "lchown", "fchown", "fchownat")
_F_SETLEASE, _F_NOTIFY = 1024, 1026


def _close_sockets(library: Any, program: Any, sockets: Sockets) -> None:
    arg, masked, ne = library.Arg, library.MASKED_EQ, library.NE
    refuse = library.ERRNO(errno.EACCES)  # as socket(2) has it
    if sockets == "none":
        _add(program, refuse, "socket")
        _add(program, refuse, "socketpair", arg(0, ne, _AF_UNIX))
    else:
        _add(program, refuse, "socket", arg(0, masked, _INT, _AF_UNIX))
    if sockets == "tcp":
        _add(program, refuse, "socket", arg(1, masked, _SOCK_TYPE_MASK, _SOCK_DGRAM))
    # A pair of datagram sockets can send to any path (unix(7)); the other kinds stay a pair.
    _add(program, refuse, "socketpair", arg(1, masked, _SOCK_TYPE_MASK, _SOCK_DGRAM))


_WATCHES = ("inotify_add_watch", "inotify_init", "inotify_init1")
"""They tell which file of a folder is opened when and by whomever: programs that the host starts,
where folders are shared with it, and what other guests read."""


def _leave_others_alone(library: Any, program: Any) -> None:
    """Calls that reach other processes of the same user, and that Landlock does not confine."""
    arg, masked, ne = library.Arg, library.MASKED_EQ, library.NE
    refuse = library.ERRNO(errno.EPERM)
    _add(program, refuse, "prlimit64", arg(0, ne, 0))
    _add(program, refuse, "setpriority", arg(0, ne, 0))
    _add(program, refuse, "setpriority", arg(1, ne, 0))
    for command in (_F_SETLEASE, _F_NOTIFY):
        _add(program, refuse, "fcntl", arg(1, masked, _INT, command))


_SET_ID_BITS = (0o4000, 0o2000)
_O_CREAT, _O_TMPFILE = 0o100, 0o20000000
_MODE_OF = {
    "chmod": 1,
    "fchmod": 1,
    "fchmodat": 2,
    "fchmodat2": 2,
    "creat": 1,
    "mknod": 1,
    "mknodat": 2,
}
"""Calls that give a file a mode, and which argument it is."""
_MODE_AFTER_FLAGS = {"open": 1, "openat": 2}
"""Calls that do if a flag says so, and which argument the flags are; the mode is the next."""
_XATTRS = (
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip


def _no_set_uid_files(library: Any, program: Any) -> None:
    """No file becomes set-uid or set-gid: in a caller's folder it would be so for the host.

    openat2(2) has its mode behind a pointer, and so is not on the list above.
    """
    arg, masked, refuse = library.Arg, library.MASKED_EQ, library.ERRNO(errno.EPERM)
    for bit in _SET_ID_BITS:
        for name, mode in _MODE_OF.items():
            _add(program, refuse, name, arg(mode, masked, bit, bit))
        for name, flags in _MODE_AFTER_FLAGS.items():
            for flag in (_O_CREAT, _O_TMPFILE):
                make = arg(flags, masked, flag, flag)
                _add(program, refuse, name, make, arg(flags + 1, masked, bit, bit))


def _allow_list(library: Any) -> Any:
    program = library.SyscallFilter(library.ERRNO(errno.ENOSYS))
    for name in ALLOWED:
        if name != "socket":
            _add(program, library.ALLOW, name)
    for name in REFUSED:
        # Handed to the guest's first process, which refuses them with EPERM and can tell.
        _add(program, library.NOTIFY, name)
    for name in REFUSED_QUIETLY:
        _add(program, library.ERRNO(errno.EPERM), name)
    # As on a host without netlink: libzmq, which asks it for interfaces, aborts at other errors.
    netlink = library.Arg(0, library.EQ, _AF_NETLINK)
    others = library.Arg(0, library.NE, _AF_NETLINK)
    _add(program, library.ERRNO(errno.EOPNOTSUPP), "socket", netlink)
    _add(program, library.ALLOW, "socket", others)
    # The policy every process has anyway; libzmq asks for it and aborts if it is refused.
    ordinary = library.Arg(1, library.EQ, SCHED_OTHER)
    other = library.Arg(1, library.NE, SCHED_OTHER)
    _add(program, library.ALLOW, "sched_setscheduler", ordinary)
    _add(program, library.ERRNO(errno.EPERM), "sched_setscheduler", other)
    return program


def _argument_rules(library: Any) -> Any:
    arg, masked = library.Arg, library.MASKED_EQ
    program = library.SyscallFilter(library.ALLOW)
    refuse = library.ERRNO(errno.EPERM)
    for flag in (*NAMESPACE_FLAGS, CLONE_PARENT):
        # CLONE_NEWTIME shares its bit with the exit signal, which is never above 64.
        _add(program, refuse, "clone", arg(0, masked, flag, flag))
    for mask, flags in _SHARING:
        _add(program, refuse, "clone", arg(0, masked, mask, flags))
    for command in _OF_TERMINALS:
        _add(program, refuse, "ioctl", arg(1, masked, _INT, command))
    for name in _WATCHES:
        _add(program, refuse, name)
    _leave_others_alone(library, program)
    _no_set_uid_files(library, program)
    for name in _XATTRS:  # what copies files takes this for an answer, and ENOSYS for a failure
        _add(program, library.ERRNO(errno.ENOTSUP), name)
    _few_sockets(library, program)
    _no_network_administration(library, program)
    # Whoever closes the last descriptor of such a socket waits, for as long as it says; a guest
    # can send one to the host.
    linger = arg(1, masked, _INT, _SOL_SOCKET), arg(2, masked, _INT, _SO_LINGER)
    _add(program, library.ERRNO(0), "setsockopt", *linger)
    return program


_SO_LINGER = 13
_SOL_IP, _SOL_TCP, _SOL_IPV6 = 0, 6, 41
_TABLES_OF_IP = 64
"""From here on options of IPv4 sockets are those of packet filters and of virtual servers, and of
the routing of multicast (ip_tables.h, ip_vs.h, mroute.h of linux); the others are below."""
_ADMINISTRATION = {
    _SOL_IP: (16, 17),  # IP_IPSEC_POLICY, IP_XFRM_POLICY
    # The same of IPv6, ip6_tables.h, and IPV6_HOPOPTS, _RTHDRDSTOPTS, _RTHDR and _DSTOPTS.
    _SOL_IPV6: (34, 35, 64, 65, 68, 69, 54, 55, 57, 59),
    _SOL_TCP: (19,),  # TCP_REPAIR
}
"""Options that only CAP_NET_ADMIN or CAP_NET_RAW may use."""
_INTERFACES = (
    0x890B, 0x890C, 0x8914, 0x8916, 0x8918, 0x891A, 0x891C, 0x891E, 0x8920, 0x8922, 0x8923,
    0x8924, 0x8925, 0x8926, 0x8930, 0x8931, 0x8932, 0x8934, 0x8936, 0x8937, 0x8939, 0x893A, 0x893D,
)  # fmt: skip
"""Requests that change routes and interfaces: linux/sockios.h."""
_DRIVERS = (0x8940, 0x8950, 0x8960, 0x8970, 0x8980, 0x8990, 0x89A0, 0x89B0, 0x89E0, 0x89F0)
"""Sixteen each, of drivers and their kinds: answered as by a driver that has no such thing, for
what lists interfaces (psutil.net_if_stats) takes that for an answer."""


def _no_network_administration(library: Any, program: Any) -> None:
    """What CAP_NET_ADMIN would allow: the fork of a session has it for a moment when it enters
    the namespaces of a branch, in a network of its own; the code of the kernel behind this is old
    and has been broken often."""
    arg, masked = library.Arg, library.MASKED_EQ
    refuse, unknown = library.ERRNO(errno.EPERM), library.ERRNO(errno.EOPNOTSUPP)
    for call in ("setsockopt", "getsockopt"):
        of_ip = arg(1, masked, _INT, _SOL_IP)
        _add(program, refuse, call, of_ip, arg(2, library.GE, _TABLES_OF_IP))
        for level, options in _ADMINISTRATION.items():
            for option in options:
                of_level = arg(1, masked, _INT, level)
                _add(program, refuse, call, of_level, arg(2, masked, _INT, option))
    for request in _INTERFACES:
        _add(program, refuse, "ioctl", arg(1, masked, _INT, request))
    for request in _DRIVERS:
        _add(program, unknown, "ioctl", arg(1, masked, _INT & ~0xF, request))


def _few_sockets(library: Any, program: Any) -> None:
    """Unix, IPv4 and IPv6 sockets of the common kinds; not raw, netlink, packet, vsock, alg, ..."""
    arg, eq, masked, gt = library.Arg, library.EQ, library.MASKED_EQ, library.GT
    refuse, no_family = library.ERRNO(errno.EPERM), library.ERRNO(errno.EAFNOSUPPORT)
    for call in ("socket", "socketpair"):
        for family in range(_AF_INET6):
            if family not in (_AF_UNIX, _AF_INET):
                _add(program, no_family, call, arg(0, eq, family))
        _add(program, no_family, call, arg(0, gt, _AF_INET6))
        for kind in range(_SOCK_TYPE_MASK + 1):
            if kind not in (_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET):
                _add(program, refuse, call, arg(1, masked, _SOCK_TYPE_MASK, kind))
        for protocol in range(_IPPROTO_UDP + 1):
            if protocol not in _PROTOCOLS:
                _add(program, refuse, call, arg(2, eq, protocol))
        _add(program, refuse, call, arg(2, gt, _IPPROTO_UDP))


def _add(program: Any, action: Any, name: str, *args: Any) -> None:
    try:
        program.add_rule(action, name, *args)
    except (RuntimeError, ValueError, OSError):
        # This libseccomp or this architecture does not know the call: then it stays under the
        # default, which for the allow list means that it does not exist.
        if args:
            raise


def _export(program: Any) -> bytes:
    with os.fdopen(os.memfd_create("bpf"), "w+b") as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()
