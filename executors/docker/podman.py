"""Podman behind Docker's API: what of a request for a container it understands in another way.

Found with Podman 4.3.1, whose API takes these from its own command line (podman-create(1)). With it
(and runc, as root) the contract suite passes without a difference.
"""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sandbox import temporary
from ...sandbox.errors import UsageError
from .seccomp_profile import profile

if TYPE_CHECKING:
    from collections.abc import Generator

_UNKNOWN = ("nr_inodes=", "uid=", "gid=")
"""Options of folders in memory that Podman refuses.

Without a limit of inodes these count as the container's memory all the same.
"""
_KIND = "seccomp"
_PASSED_OVER = {
    "Runtime": "start its service with 'podman --runtime NAME system service'",
    "DeviceRequests": "use Docker for devices",
}
"""What Podman does not look at, and what to do instead."""
_SHUT = dict.fromkeys(("/run", "/var/tmp"), "ro,size=4096,notmpcopyup")  # noqa: S108
"""What Podman makes writable, without a limit, in a container that is to be read-only."""


@contextmanager
def as_podman_has_it(body: dict[str, Any]) -> Generator[dict[str, Any]]:
    """The body of a request that ``settings`` made for Docker; good for one creation.

    Raises
    ------
    UsageError
        It asks for what Podman would pass over without a word.
    """
    host = body["HostConfig"]
    for option, remedy in _PASSED_OVER.items():
        if host.get(option):
            raise UsageError(f"Podman's API takes no {option}: {remedy}.")
    with _seccomp_file() as file:
        adapted = {
            "SecurityOpt": [
                "no-new-privileges",
                f"seccomp={file}",
                *([f"mask={':'.join(host['MaskedPaths'])}"] if "MaskedPaths" in host else []),
            ],
            "Tmpfs": {path: _tmpfs(how) for path, how in host["Tmpfs"].items()} | _SHUT,
            "Ulimits": [*host["Ulimits"], _limit_of_processes()],
        }
        yield {**body, "HostConfig": {**host, **adapted}}


def reap() -> None:
    """Remove the files of owners who are dead."""
    temporary.reap(_KIND, Path.unlink)


@contextmanager
def _seccomp_file() -> Generator[Path]:
    """The filter, which Podman reads from a file when it makes a container."""
    path = temporary.new_path(_KIND)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(profile())
        yield path
    finally:
        path.unlink(missing_ok=True)


def _tmpfs(how: str) -> str:
    """``U``: they belong to the container's user."""
    kept = [option for option in how.split(",") if not option.startswith(_UNKNOWN)]
    return ",".join([*kept, "U", "notmpcopyup"])


def _limit_of_processes() -> dict[str, Any]:
    """Of the user, not of the container: as high as may be.

    By itself Podman takes a million, which it may set only if it has all capabilities.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    numbers = int(Path("/proc/sys/kernel/pid_max").read_text())  # more there cannot be
    most = numbers if hard == resource.RLIM_INFINITY else min(hard, numbers)
    return {"Name": "nproc", "Soft": most, "Hard": most}
