"""The profile ``landlock``, seen from the host: what it needs, and what guests are told of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import private_folders, seccomp
from .cgroup import find_cgroups
from .errors import BackendUnavailable, PolicyError
from .guest import kernel
from .layers import DOCKER, Layers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .policy import Policy
    from .private_folders import PrivateFolders
    from .rootfs import Entry

_FILES, _TCP, _DEVICES, _SCOPES = 3, 4, 5, 6
"""Versions of Landlock from which on it confines these (kernel: userspace-api/landlock.rst)."""

FEATURES = (
    (_FILES, "6.2", "files", "the profile 'landlock' cannot be had"),
    (_TCP, "6.7", "TCP", "no socket can be made anyway, unless the network is the host's"),
    (_DEVICES, "6.10", "device commands", "only /dev/null and its like can be opened anyway"),
    (
        _SCOPES,
        "6.12",
        "signals",
        "the profile 'landlock' refuses to start unless 'landlock-signals' is in allow_missing",
    ),
)
"""From which version and Linux on it confines what, and what comes of it if it does not."""

# System-wide figures that programs ask for; the same ones a guest of the other profile sees.
_PROC = ("cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems")


def system_figures() -> list[str]:
    """Files of /proc that tell of the whole machine."""
    return [f"/proc/{name}" for name in _PROC]


def check(policy: Policy, own_uid: bool) -> tuple[Layers, tuple[bytes, ...]]:
    """The layers for ``policy`` on this host, and the seccomp programs.

    Raises
    ------
    BackendUnavailable
        A layer is missing without which this profile guarantees nothing.
    PolicyError
        The policy asks for what only the other profile can give.
    """
    _refuse_what_needs_namespaces(policy)
    abi = _landlock(policy)
    network = policy.network == "host"
    programs, of_server = _seccomp(network, own_uid)
    if policy.workdir is not None:
        programs = (*programs, seccomp.of_work_folder())
    cgroups = find_cgroups()
    if cgroups is not None:
        cgroups.reap()
    private_folders.reap()
    names = ["profile-landlock", f"landlock-{abi}", "landlock-files"]
    names += ["landlock-tcp"] if abi >= _TCP and not network else []
    names += ["landlock-devices"] if abi >= _DEVICES else []
    names += ["landlock-abstract-sockets", "landlock-signals"] if abi >= _SCOPES else []
    names += ["seccomp", "no-unix-sockets" if network else "no-sockets"]
    names += ["private-folders"]
    names += ["unprivileged-uid"] if own_uid else []
    names += ["no-capabilities", "no-new-privileges", "rlimits", "clean-environment"]
    names += [f"cgroup-v{cgroups.version}"] if cgroups is not None else []
    of_branches = _of_branches(policy) if own_uid else ()
    return Layers(tuple(names), abi, cgroups, of_branches, of_server), programs


def _of_branches(policy: Policy) -> tuple[bytes, ...]:
    """Branches have the id of their parent, whose files they could change as their owner."""
    sockets: seccomp.Sockets = "network" if policy.network == "host" else "none"
    return (seccomp.without_namespaces(sockets=sockets, own_uid=False),)


def scopes_signals(abi: int) -> bool:
    """Whether this version of Landlock keeps signals from going outwards."""
    return abi >= _SCOPES


def _seccomp(network: bool, own_uid: bool) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """All programs: of guests, and of the fork server, from which guests have them too.

    There is no doing without, for Landlock knows of no sockets but TCP's.
    """
    try:
        sockets: seccomp.Sockets = "network" if network else "none"
        third = seccomp.without_namespaces(sockets=sockets, own_uid=own_uid)
        return seccomp.filters(), (third, seccomp.of_fork_server())
    except BackendUnavailable as error:
        raise BackendUnavailable(
            "seccomp",
            why=f"{error.why}, and the profile 'landlock' cannot do without",
            remedy=f"Install it: apt install libseccomp2, or dnf install libseccomp. {DOCKER}",
        ) from error


def _refuse_what_needs_namespaces(policy: Policy) -> None:
    if policy.network not in ("none", "host"):
        raise PolicyError(
            "network: a list of hosts needs a network namespace, which the profile 'landlock' "
            "does without. Use the profile 'namespaces', or the network 'none'."
        )
    if policy.writable is not None:
        raise PolicyError("writable: the profile 'landlock' cannot; use 'namespaces'.")
    if policy.terminals:
        raise PolicyError("terminals: the profile 'landlock' has none; use 'namespaces'.")


def _landlock(policy: Policy) -> int:
    abi = kernel.landlock_abi()
    if abi < _FILES:
        raise BackendUnavailable(
            "Landlock",
            why=f"the profile 'landlock' needs version {_FILES} of it, and this kernel has "
            + (f"version {abi}" if abi else "none, or has it switched off"),
            remedy="Use Linux 6.2 or later with 'landlock' in the lsm= list of the kernel command "
            f"line. {DOCKER}",
        )
    if abi < _SCOPES and "landlock-signals" not in policy.allow_missing:
        raise BackendUnavailable(
            "Landlock",
            why=f"version {abi} of this kernel does not hold signals back, so code could kill "
            "processes of the same user",
            remedy=f"Use Linux 6.12 or later (version {_SCOPES}), or name 'landlock-signals' in "
            f"the policy's allow_missing. {DOCKER}",
        )
    return abi


def check_reach(policy: Policy, owner: int | None, folders: Iterable[Path]) -> None:
    """Refuse folders that guests need and cannot reach under a user id that owns nothing.

    Raises
    ------
    BackendUnavailable
        The interpreter is out of reach.
    PolicyError
        The workspace is.
    """
    if owner is None:
        return
    for folder in folders:
        closed = _closed_to_others(folder, os.R_OK | os.X_OK)
        if closed:
            raise BackendUnavailable(
                f"the interpreter in {folder}",
                why=f"{closed} is closed to other users, and guests of the profile 'landlock' that "
                "root starts have a user id that owns nothing",
                remedy=f"Name an interpreter all users can read (python in the policy, such as "
                f"/usr/bin/python3), open the folder (chmod o+rx {closed}), start sandcrew as an "
                "ordinary user, or use the profile 'namespaces'.",
            )
    if policy.workdir is None:
        return
    closed = _closed_to_others(Path(policy.workdir), os.R_OK | os.W_OK | os.X_OK)
    if closed:
        raise PolicyError(
            f"workdir: {closed} is closed to the user id of guests, which owns nothing where root "
            "starts them. Start sandcrew as the owner of the folder, use the profile "
            f"'namespaces', or open it (chmod o+rwx {policy.workdir})."
        )


def _closed_to_others(folder: Path, wanted: int) -> Path | None:
    """The folder on the way that users who own nothing cannot pass, or use."""
    for parent in reversed(folder.parents):
        if not parent.stat().st_mode & os.X_OK:
            return parent
    return folder if folder.stat().st_mode & wanted != wanted else None


def config(
    policy: Policy, layers: Layers, owner: int | None, folders: PrivateFolders, entries: list[Entry]
) -> dict[str, Any]:
    """What guests are told besides, or instead of, what those of the other profile are.

    ``owner`` is their user id if it is not the caller's; ``entries`` are those of a private root.
    """
    # Landlock lets everybody follow links, so only what they lead to counts.
    shown = [entry["path"] for entry in entries if "bind" in entry and "device" not in entry]
    shown += system_figures()
    if policy.network == "host":
        shown += ["/etc/nsswitch.conf"]
    return {
        "bound": policy.workdir is not None,
        "uid": owner,
        "idmap": None,
        # Without a pids cgroup: on top of what the user runs already; the first process counts.
        "processes": None if layers.cgroups else policy.processes + 1,
        "scoped": scopes_signals(layers.landlock_abi),
        "readable": [path for path in shown if Path(path).exists()],
        "listed": [],
        "closed": [],
        "writable": [],
        "shared": [],
        "places": {
            "base": str(folders.base),
            "workspace": str(policy.workdir or folders.workspace),
            "home": str(folders.home),
        },
    }
