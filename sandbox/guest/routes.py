"""Where packets can go from this network namespace (proc_pid_net(5))."""

from __future__ import annotations

import contextlib
import errno

_LOOPBACK = "lo"


def require_none() -> None:
    """Nothing may be reached but this machine itself.

    Raises
    ------
    OSError
        A route leads out, by an interface that is named.
    """
    ways = set(interfaces()) - {_LOOPBACK}
    if ways:
        name = sorted(ways)[0]
        raise OSError(errno.EPERM, f"there is a network ({name}) where the policy has none")


def interfaces() -> list[str]:
    """By which something can be reached."""
    with open("/proc/self/net/route") as file:
        lines = file.read().splitlines()[1:]
    found = [line.split()[0] for line in lines]
    with contextlib.suppress(FileNotFoundError), open("/proc/self/net/ipv6_route") as file:
        found += [line.split()[-1] for line in file]
    return found
