"""The layers of the local sandbox: which this host has, and what to do about the missing."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import seccomp
from .cgroup import find_cgroups
from .environment import has_proxy
from .errors import BackendUnavailable
from .guest import kernel

if TYPE_CHECKING:
    from .cgroup import Cgroups
    from .policy import Policy

DOCKER = "Or use the Docker executor (--executor docker)."
_WITHOUT_NAMESPACES = (
    "Or use the profile that needs none, and guarantees less (profile='landlock', in a file for "
    '--policy: profile = "landlock"), or the Docker executor (--executor docker).'
)

_ALWAYS: tuple[str, ...] = (
    "user-namespace",
    "pid-namespace",
    "mount-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
    "private-root",
    "unprivileged-uid",
    "no-capabilities",
    "no-new-privileges",
    "rlimits",
    "clean-environment",
)


@dataclass(frozen=True, slots=True)
class Layers:
    """What will be enforced: ``names`` for the result, ``landlock_abi`` 0 to do without.

    Without ``cgroups`` memory and processes are limited by rlimits alone.
    """

    names: tuple[str, ...]
    landlock_abi: int
    cgroups: Cgroups | None
    filters_of_branches: tuple[bytes, ...] = ()
    """Seccomp programs that branches get besides those of all."""
    filters_of_server: tuple[bytes, ...] = ()
    """Seccomp programs of the fork server, which all guests inherit."""


def check(policy: Policy) -> tuple[Layers, tuple[bytes, ...]]:
    """The layers for ``policy`` on this host, and the seccomp programs.

    Raises
    ------
    BackendUnavailable
        A layer is missing that the policy does not allow to be missing.
    """
    if not sys.platform.startswith("linux"):
        raise BackendUnavailable(
            "the local sandbox", why=f"it needs Linux, and this is {sys.platform}", remedy=DOCKER
        )
    abi = _landlock(policy)
    programs = _seccomp(policy)
    names = list(_ALWAYS)
    if policy.network != "host":
        names.append("network-namespace")
    if has_proxy(policy):
        names.append("network-proxy")
    if abi:
        names.append(f"landlock-{abi}")
    if programs:
        names.append("seccomp")
    cgroups = find_cgroups()
    if cgroups is not None:
        cgroups.reap()
        names.append(f"cgroup-v{cgroups.version}")
    else:
        names.append("memory-watch")
        programs = (*programs, seccomp.without_cgroup()) if programs else ()
    if policy.workdir is not None and programs:
        programs = (*programs, seccomp.of_work_folder())
    of_server = (seccomp.of_fork_server(),) if programs else ()
    return Layers(tuple(names), abi, cgroups, filters_of_server=of_server), programs


def _landlock(policy: Policy) -> int:
    abi = kernel.landlock_abi()
    if not abi and "landlock" not in policy.allow_missing:
        raise BackendUnavailable(
            "Landlock",
            why="this kernel does not have it, or has it switched off",
            remedy="Use Linux 5.13 or later with 'landlock' in the lsm= list of the kernel command "
            "line, or name 'landlock' in the policy's allow_missing.",
        )
    return abi


def _seccomp(policy: Policy) -> tuple[bytes, ...]:
    try:
        return seccomp.filters()
    except BackendUnavailable:
        if "seccomp" in policy.allow_missing:
            return ()
        raise


_MASKED_PROC = (
    "This container hides parts of /proc, and the kernel then gives nobody in it a /proc of their "
    f"own. Start it with --security-opt systempaths=unconfined. {_WITHOUT_NAMESPACES}"
)


def unavailable(policy: Policy, number: int, message: str) -> BackendUnavailable:
    """The error for a layer that the kernel refused with errno ``number``."""
    if number in (errno.ESTALE, errno.ELOOP):
        return BackendUnavailable(
            "a file or folder of the policy",
            why=f"it was exchanged while the sandbox started ({message})",
            remedy="Name one that nobody else moves, such as other sandboxes around it.",
        )
    if "mount_setattr" in message and policy.workdir:
        return BackendUnavailable(
            f"the workspace {policy.workdir}",
            why="its file system cannot show its files under another user id, which a sandbox "
            f"started by root needs ({message})",
            remedy="Start sandcrew as the owner of the folder instead of root, or put the folder "
            "on ext4, xfs, btrfs or tmpfs.",
        )
    if "mount proc" in message:
        return BackendUnavailable("namespaces", why=message, remedy=_MASKED_PROC)
    return BackendUnavailable("namespaces", why=message, remedy=_namespace_remedy(number))


def _namespace_remedy(number: int) -> str:
    match number:
        case errno.EPERM | errno.EACCES:
            return (
                "This host forbids unprivileged user namespaces. On Ubuntu: sysctl "
                "kernel.apparmor_restrict_unprivileged_userns=0; on Debian: sysctl "
                "kernel.unprivileged_userns_clone=1; in a container: a seccomp profile that allows "
                f"unshare and mount. {_WITHOUT_NAMESPACES}"
            )
        case errno.ENOSPC | errno.EUSERS:
            return f"Raise the limit: sysctl user.max_user_namespaces=10000. {_WITHOUT_NAMESPACES}"
        case errno.ENOSYS | errno.EINVAL:
            return f"The local sandbox needs Linux 5.13 or later. {_WITHOUT_NAMESPACES}"
        case _:
            return f"Run 'sandcrew doctor' to see what this host offers. {_WITHOUT_NAMESPACES}"
