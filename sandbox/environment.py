"""The environment variables of programs: only what is named here or in the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .guest.confine import PROXY

if TYPE_CHECKING:
    from pathlib import Path

    from .interpreter import Interpreter
    from .policy import Policy

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def search_path(interpreter: Interpreter, packages: Path | None) -> str:
    """Where programs on this host find others; ``packages`` is the folder of the policy's."""
    folders = [str(packages / "bin")] if packages else []
    folders += [str(interpreter.executable.parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return ":".join(folders)


def base_environment(policy: Policy, path: str, packages: Path | None = None) -> dict[str, str]:
    """All that every program of a sandbox finds, with ``path`` to find others."""
    return {
        "PATH": path,
        "HOME": "/home/sandbox",
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108
        # What a program prints is seen at once, and kept when it is killed.
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        **({"PYTHONPATH": str(packages)} if packages else {}),
        **_proxy(policy),
        **policy.env,
    }


def has_proxy(policy: Policy) -> bool:
    """True when the network is a list of hosts."""
    return not isinstance(policy.network, str)


def _proxy(policy: Policy) -> dict[str, str]:
    """The usual variables; programs read them in either case."""
    if not has_proxy(policy):
        return {}
    address = f"{PROXY[0]}:{PROXY[1]}"
    # A program's own servers are reached directly; loopback of the host, if it is allowed, is not.
    own = (name for name in _LOOPBACK if not any(name in host for host in policy.network))
    variables = {
        "HTTP_PROXY": f"http://{address}",
        "HTTPS_PROXY": f"http://{address}",
        "ALL_PROXY": f"socks5h://{address}",
        "NO_PROXY": ",".join(own),
    }
    return variables | {name.lower(): value for name, value in variables.items()}
