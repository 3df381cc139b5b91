"""Where packets can go from this network namespace (proc_pid_net(5))."""

from __future__ import annotations

import contextlib
import errno
import os

from .bare import socket

_LOOPBACK = "lo"


def require_loopback_only(host: int) -> None:
    """Nothing may be reached but this machine itself, and that has to be.

    ``host`` is the inode of the host's own namespace, which may be without a network for a moment.

    Raises
    ------
    OSError
        A route leads out, by an interface that is named; or the loopback is down.
    """
    if os.stat("/proc/self/ns/net").st_ino == host:
        raise OSError(errno.EPERM, "it is in the network of the host, and the policy has none")
    ways = set(interfaces()) - {_LOOPBACK}
    if ways:
        name = sorted(ways)[0]
        raise OSError(errno.EPERM, f"there is a network ({name}) where the policy has none")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.connect(("127.0.0.1", 9))  # nothing is sent
    except OSError as error:
        why = "the loopback is down, as the engine's default runtime leaves it"
        raise OSError(error.errno, f"{why}; name that with the option runtime") from error
    finally:
        sock.close()


def interfaces() -> list[str]:
    """By which something can be reached."""
    with open("/proc/self/net/route") as file:
        lines = file.read().splitlines()[1:]
    found = [line.split()[0] for line in lines]
    with contextlib.suppress(FileNotFoundError), open("/proc/self/net/ipv6_route") as file:
        found += [line.split()[-1] for line in file]
    return found
