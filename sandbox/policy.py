"""What a sandbox may use."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from .errors import PolicyError
from .host_paths import require_apart, require_folders, shown_path, workspace_path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

_UNITS = {
    "": 1, "b": 1,
    "k": KIB, "kb": 1000, "kib": KIB,
    "m": MIB, "mb": 1000**2, "mib": MIB,
    "g": GIB, "gb": 1000**3, "gib": GIB,
    "t": GIB * KIB, "tb": 1000**4, "tib": GIB * KIB,
}  # fmt: skip

PROFILES = ("namespaces", "landlock")
OPTIONAL_LAYERS = ("landlock", "seccomp", "landlock-signals", "cgroup")
"""Layers a policy may name in ``allow_missing``."""


def parse_size(value: int | str) -> int:
    """Bytes of ``"512MiB"``, ``"1.5 GB"``, ``"64k"`` or a plain number.

    ``k``, ``m`` and ``g`` alone count in powers of 1024, as Docker's do.

    Raises
    ------
    PolicyError
        It is not a size.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(value).lower())
    if match is None or match[2] not in _UNITS:
        raise PolicyError(f"{value!r} is not a size; write for example 512MiB, 1GB or 65536.")
    return int(float(match[1]) * _UNITS[match[2]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What code in a sandbox may use. A value: checked once, never changed.

    Sizes are bytes, or text such as ``"512MiB"``; they are bytes when read back.

    Raises
    ------
    PolicyError
        A value that cannot be meant; the message begins with the key.
    """

    profile: str = "namespaces"
    """``"namespaces"``, or ``"landlock"`` for hosts that forbid namespaces, which guarantees less:
    see :data:`sandcrew.sandbox.profile.PROFILES`."""
    timeout: float | None = 60.0
    """Wall time of one run in seconds; ``None`` for no limit."""
    memory: int | str = GIB
    """Memory of one process (its data, not the files it maps)."""
    processes: int = 128
    """Processes and threads at one time."""
    terminals: int = 0
    """Pseudoterminals at one time, as ``openpty(3)`` makes them, in a ``/dev/pts`` of each guest's
    own; for programs that lead a dialogue with others. Branches of sessions have none. Needs the
    profile ``namespaces``."""
    disk: int | str = 256 * MIB
    """Room in a private workspace, and again in ``/tmp``; also the largest file. A workspace that
    is a folder of the host may grow by as much; what goes further is killed."""
    files: int = 50_000
    """Files and folders in a private workspace, and again in ``/tmp``; and by how many a workspace
    that is a folder of the host may grow, further names of files counted as files."""
    cpus: int | None = None
    """Processors the code may run on; ``None`` for all."""
    network: str | Sequence[str] = "none"
    """``"none"``; a list of hosts such as ``["files.example.org:443", "*.example.org"]``, reached
    by a proxy (ports 80 and 443 unless named; an empty list is none); or ``"host"`` for the
    host's own network without any confinement of it."""
    upload: int | str | None = None
    """Bytes one run may send to those hosts; ``None`` for no limit."""
    download: int | str | None = None
    """Bytes one run may receive from them."""
    read_only: Sequence[str | Path] = ()
    """Files and folders of the host to be seen, at their own absolute paths. No part of a path may
    be a link, as code in a sandbox could make one: see :func:`.named.without_links`."""
    workdir: str | Path | None = None
    """A folder of the host to be the workspace, named without links; ``None`` for a fresh, private
    one in memory."""
    writable: Sequence[str] | None = None
    """Folders of ``workdir`` such as ``["outputs"]`` that may be written, when all else in it may
    only be read; ``None`` for all of it. Needs the profile ``namespaces``."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables; nothing of the caller's is there unless it is named here."""
    packages: Sequence[str] = ()
    """Packages such as ``["polars==1.*"]`` for the interpreter, besides those it has. They are
    built once, outside of any sandbox and from wheels only, and shared read-only. Their code runs
    in guests only, behind all layers."""
    preload: Sequence[str] = ()
    """Modules of the interpreter's own environment that are imported once, before any guest
    starts, by a process without privilege (docs/security/processes.md). One that is of
    ``packages``, or would import what is, guests import for themselves. One that leaves a thread,
    a process or a descriptor behind is refused."""
    output: int = MIB
    """Characters of output that are kept."""
    python: str | Path | None = None
    """The interpreter; ``None`` for the one that runs this."""
    allow_missing: Sequence[str] = ()
    """Layers without which a run goes ahead all the same: ``"landlock"``, ``"seccomp"``, and in
    the profile ``landlock``, which is nothing without these, only ``"landlock-signals"``; for
    containers ``"cgroup"``, without which memory is limited for each process, and nothing limits
    how many there are."""

    def __post_init__(self) -> None:
        for key, check in _CHECKS.items():
            try:
                object.__setattr__(self, key, check(getattr(self, key)))
            except PolicyError as error:
                raise PolicyError(f"{key}: {error}") from None
            except (TypeError, ValueError, OverflowError, OSError, RuntimeError) as error:
                raise PolicyError(f"{key}: this cannot be used ({error}).") from error
        require_apart(cast("Any", self.read_only), cast("Any", self.workdir))
        require_folders(cast("Any", self.workdir), self.writable)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """The policy with the keys of ``mapping``; unknown keys are refused by name."""
        import difflib  # only a wrong key needs it

        known = [item.name for item in dataclasses.fields(cls)]
        for key in mapping:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
                raise PolicyError(f"{key}: there is no such key.{hint}")
        return cls(**mapping)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """The policy in a TOML file."""
        import tomllib  # a tenth of the time this package takes to import

        try:
            return cls.from_mapping(tomllib.loads(Path(path).read_text()))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path} cannot be read as a policy: {error}") from error

    def replace(self, **changes: Any) -> Self:
        """A copy with some keys changed, checked again."""
        return dataclasses.replace(self, **changes)


def _profile(value: Any) -> str:
    if value not in PROFILES:
        raise PolicyError(f"{value!r} is not a profile; there are {', '.join(PROFILES)}.")
    return str(value)


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PolicyError(f"{value!r} is not a number of seconds.")
    if not (math.isfinite(value) and 0 < value <= 30 * 86400):
        raise PolicyError(f"{value!r} is not between 0 and 2,592,000 seconds.")
    return float(value)


def _size(low: int, high: int, *, optional: bool = False) -> Any:
    def check(value: int | str | None) -> int | None:
        if value is None:
            if optional:
                return None
            raise PolicyError("None is not a size; write for example 512MiB.")
        size = parse_size(value)
        if not low <= size <= high:
            raise PolicyError(f"{size:,} bytes is not between {low:,} and {high:,}.")
        return size

    return check


def _count(low: int, high: int, *, optional: bool = False) -> Any:
    def check(value: Any) -> int | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise PolicyError(f"{value!r} is not a whole number between {low:,} and {high:,}.")
        return value

    return check


def _network(value: Any) -> str | tuple[str, ...]:
    if value in ("none", "host"):
        return str(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise PolicyError(f"{value!r} is neither 'none' nor 'host' nor a list of hosts.")
    if not value:
        return "none"  # an empty list of hosts allows none
    from .network import AllowList

    hosts: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
    AllowList.parse(hosts)
    return tuple(hosts)


def _packages(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise PolicyError(f"{value!r} is one package; write a list of packages.")
    if not value:
        return ()
    from .packages import canonical_requirements

    return tuple(canonical_requirements(value))


def _read_only(value: Any) -> tuple[Path, ...]:
    if isinstance(value, str | Path):
        raise PolicyError(f"{value!r} is one path; write a list of paths.")
    return tuple(map(shown_path, value))


def _writable(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise PolicyError(f"{value!r} is one name; write a list of names.")
    for name in value:
        if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name:
            raise PolicyError(f"{name!r} is not the name of a folder in the workspace.")
    return tuple(value)


def _workdir(value: Any) -> Path | None:
    return None if value is None else workspace_path(value)


_ENV = 100_000
"""Characters of all names and values; the kernel takes 128 KiB (execve(2))."""


def _env(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"{value!r} is not a mapping of names to values.")
    for name, text in value.items():  # pyright: ignore[reportUnknownVariableType]
        if not (isinstance(name, str) and isinstance(text, str)):
            raise PolicyError(f"{name!r}: names and values are text.")
        if not name or "=" in name or "\0" in name + text:
            raise PolicyError(f"{name!r} is not the name of a variable.")
        (name + text).encode()  # raises for what no environment can hold
    if sum(len(name) + len(text) for name, text in value.items()) > _ENV:  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        raise PolicyError(f"more than {_ENV:,} characters.")
    return dict(value)  # pyright: ignore[reportUnknownArgumentType]


def _preload(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise PolicyError(f"{value!r} is one module; write a list of modules.")
    for name in value:
        if not all(part.isidentifier() for part in str(name).split(".")):
            raise PolicyError(f"{name!r} is not the name of a module.")
    return tuple(value)


def _python(value: Any) -> Path | None:
    if value is None:
        return None
    path = Path(value).expanduser().absolute()  # not resolved: a venv's interpreter is a link
    if not path.is_file():
        raise PolicyError(f"{str(value)!r} is not an interpreter.")
    return path


def _allow_missing(value: Any) -> tuple[str, ...]:
    for layer in value:
        if layer not in OPTIONAL_LAYERS:
            raise PolicyError(f"{layer!r} cannot be missing; only {', '.join(OPTIONAL_LAYERS)}.")
    return tuple(value)


_CHECKS = {
    "profile": _profile,
    "timeout": _timeout,
    "memory": _size(16 * MIB, 1 << 46),
    "processes": _count(1, 100_000),
    "terminals": _count(0, 256),
    "disk": _size(MIB, 1 << 46),
    "files": _count(16, 100_000_000),
    "cpus": _count(1, 4096, optional=True),
    "network": _network,
    "upload": _size(0, 1 << 46, optional=True),
    "download": _size(0, 1 << 46, optional=True),
    "packages": _packages,
    "read_only": _read_only,
    "workdir": _workdir,
    "writable": _writable,
    "env": _env,
    "preload": _preload,
    "output": _count(2, 1 << 30),
    "python": _python,
    "allow_missing": _allow_missing,
}
