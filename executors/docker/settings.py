"""A policy as the engine's settings of a container (Docker Engine API, ``ContainerCreate``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...sandbox.environment import has_proxy
from . import labels
from .mailbox import COMMAND, HOSTS, MOUNTED
from .options import WORKSPACE, mode_of
from .seccomp_profile import profile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ...sandbox.policy import Policy
    from .options import ContainerOptions

HOME = "/home/sandbox"
RUNS = "/run/sandcrew-runs"
"""Holds the TMPDIR of each run."""
SHARED = ("/tmp", "/dev/shm")  # noqa: S108
"""Places of a container that its runs share, besides the workspace."""

_OUR_PROCESSES = 12
"""What is there besides the programs: init, guard, zygote, and the first of some guests."""
_OUR_MEMORY = 24 << 20
"""What these take, in bytes."""
_PRELOADED = 256 << 20
"""What modules take that are imported ahead."""
_ETC_HOSTS = "/etc/hosts"
_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/cmdline", "/proc/config.gz", "/proc/interrupts",
    "/proc/kcore", "/proc/key-users", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys",
)  # fmt: skip
"""What tells of the host: what engines cover by themselves, and more."""


def settings(
    policy: Policy,
    options: ContainerOptions,
    user: tuple[int, int],
    command: list[str],
    mailbox: Path | None,
    folder: str | None,
) -> dict[str, Any]:
    """The body of the request.

    Parameters
    ----------
    user:
        The user and group ids of everything inside.
    mailbox:
        The folder to mount with the guest program; ``None`` for a container without one.
    folder:
        The folder to mount as the workspace; ``None`` for a private one in memory.
    """
    hosts = (
        mailbox / HOSTS
        if mailbox is not None and _leaves_network_to_runtime(policy, options)
        else None
    )
    return {
        "Image": options.image,
        "Entrypoint": command,
        "Cmd": [],
        "User": f"{user[0]}:{user[1]}",
        "WorkingDir": WORKSPACE,
        "StopSignal": "SIGKILL",  # an engine that is stopped does not wait for what ends at nothing
        "Labels": {**options.labels, **labels.of_this_process(keep=options.keeps)},
        "NetworkDisabled": hosts is not None,
        "OpenStdin": mailbox is None,
        "StdinOnce": mailbox is None,
        "HostConfig": {
            **_limits(policy),
            **_walls(policy, options),
            "Tmpfs": _tmpfs(policy, user, private=folder is None),
            "Mounts": _mounts(policy, mailbox, hosts, folder),
            "Binds": [
                f"{source}:{how['bind']}:{mode_of(how)}"
                for source, how in options.extra_volumes.items()
            ],
        },
        **({} if policy.network == "host" else {"Hostname": "sandbox"}),
    }


def _leaves_network_to_runtime(policy: Policy, options: ContainerOptions) -> bool:
    """Whether the engine is not to concern itself with the network at all.

    The runtime makes a namespace with a loopback and nothing else, as in the mode ``none``, for
    which Docker starts its own large program once more: half of the time of a start. But then
    Docker writes no ``/etc/hosts``, and other runtimes than runc may leave the loopback down.
    """
    own = {str(path) for path in policy.read_only}
    own |= {how["bind"] for how in options.extra_volumes.values()}
    asked = policy.network == "host" or options.extra_hosts or _ETC_HOSTS in own
    return not asked and options.runtime is None


def guest_command(options: ContainerOptions) -> list[str]:
    return [options.python, *COMMAND]


def isolation(
    policy: Policy,
    options: ContainerOptions,
    of_guest: Iterable[str] = (),
    *,
    rootless: bool,
    limited: bool,
) -> tuple[str, ...]:
    """The layers around what runs in such a container, by name, besides those of its guest.

    ``rootless`` is the engine, and the container ``limited`` if the kernel holds it to the policy.
    """
    names = ["container", *([f"runtime-{options.runtime}"] if options.runtime else [])]
    names += ["pid-namespace", "mount-namespace", "ipc-namespace", "read-only-root"]
    names += [] if policy.network == "host" else ["network-namespace"]
    names += ["network-proxy"] if has_proxy(policy) else []
    names += ["user-namespace" if rootless else "unprivileged-uid"]
    names += ["no-capabilities", "no-new-privileges", "seccomp", *of_guest]
    names += ["cgroup"] if limited else []
    return (*names, "rlimits", "clean-environment")


def _limits(policy: Policy) -> dict[str, Any]:
    memory = int(policy.memory) + _OUR_MEMORY + (_PRELOADED if policy.preload else 0)
    limits: dict[str, Any] = {
        "Memory": memory,
        "MemorySwap": memory,  # both together: no swap
        "PidsLimit": policy.processes + _OUR_PROCESSES,
        "ShmSize": min(int(policy.disk), int(policy.memory)),
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": policy.disk, "Hard": policy.disk},
            {"Name": "nofile", "Soft": 1024, "Hard": 1024},
        ],
    }
    return limits | ({"NanoCpus": policy.cpus * 10**9} if policy.cpus else {})


def _walls(policy: Policy, options: ContainerOptions) -> dict[str, Any]:
    walls: dict[str, Any] = {
        "Init": True,
        "AutoRemove": options.auto_remove,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", f"seccomp={profile()}"],
        "NetworkMode": "host" if policy.network == "host" else "none",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        # What is printed goes over pipes of ours; this is for what goes wrong before.
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "64k", "max-file": "1"}},
        "DeviceRequests": list(options.device_requests),
        "ExtraHosts": [f"{name}:{address}" for name, address in options.extra_hosts.items()],
    }
    if policy.network != "host":
        # Or everybody could send ICMP (icmp(7)); where there is no network, this is one thing less.
        walls["Sysctls"] = {"net.ipv4.ping_group_range": "1 0"}
    if not options.device_requests:  # which are found by way of /sys
        walls["MaskedPaths"] = list(_MASKED)
    return walls | ({"Runtime": options.runtime} if options.runtime else {})


def _tmpfs(policy: Policy, user: tuple[int, int], *, private: bool) -> dict[str, str]:
    """Folders in memory, which count as memory of the container."""
    size = int(policy.disk)
    common = f"rw,exec,nosuid,nodev,size={size},nr_inodes={policy.files + 1}"
    own = f"{common},mode=0755,uid={user[0]},gid={user[1]}"
    places = {HOME: own, RUNS: own, "/tmp": f"{common},mode=1777"}  # noqa: S108
    return places | ({WORKSPACE: own} if private else {})


def _mounts(
    policy: Policy, mailbox: Path | None, hosts: Path | None, folder: str | None
) -> list[dict[str, Any]]:
    mounts = [_bind(path, str(path), read_only=True) for path in policy.read_only]
    if mailbox is not None:
        mounts.append(_bind(mailbox, MOUNTED, read_only=True))
    if hosts is not None:
        mounts.append(_bind(hosts, _ETC_HOSTS, read_only=True))
    if folder is not None:
        mounts.append(_bind(folder, WORKSPACE, read_only=False))
    return mounts


def _bind(source: object, target: str, *, read_only: bool) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(source),
        "Target": target,
        "ReadOnly": read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }
