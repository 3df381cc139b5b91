"""How an environment is built."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildCommand:
    """One call of an installer, for a :data:`Runner`.

    With wheels only, no code of a package runs in it: it loads files, unpacks and byte-compiles
    them. So what a runner can take away is little and known: writing outside of ``folder``,
    and every host but the index and where its pages link to.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    """The whole environment; it may hold the password of an index."""
    folder: Path
    """The only folder it must be able to write, at this path; it is empty but for ``site`` and
    ``tmp``. The installer's own cache helps, and is not needed."""
    report: Callable[[str], None]
    """Takes each line of output."""
    cache: Path | None = None
    """The folder of that cache, if there is one."""

    @property
    def writable(self) -> tuple[Path, ...]:
        """The folders that it writes."""
        return (self.folder, self.cache) if self.cache else (self.folder,)


Runner = Callable[[BuildCommand], Awaitable[int]]
"""Runs the command to its end and returns its exit status; none of its processes is left when
it returns, raises or is cancelled.

In a ``Sandbox``: ``workdir`` is ``folder``; ``network`` the hosts of the index and of its files;
``read_only`` the installer, the interpreter's prefix, and the files that variables in ``env``
name; ``env`` is ``env`` without its proxies, which are the sandbox's then. What the command
leaves in ``folder`` is taken for hostile: links and special files are refused.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How an environment is built, if it has to be.

    Raises
    ------
    UsageError
        A time limit that is none, or ``source`` without ``run_confined``.
    """

    installer: Literal["auto", "uv", "pip"] = "auto"
    """``auto``: uv if it is found, but pip where only pip is configured for another index."""
    timeout: float = 900.0
    """Seconds for one build; waiting for another's build does not count."""
    progress: Callable[[str], None] | None = None
    """Called with one line for each step."""
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    """Where the settings of the index are taken from; ``None`` for this process's variables."""
    run_confined: Runner | None = None
    """Runs the installer; ``None`` for a process of this host that can read what the user can."""
    source: bool = False
    """Also take packages without a wheel, whose build scripts then run in ``run_confined``."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise UsageError(f"timeout: {self.timeout!r} is not a number of seconds.")
        if self.installer not in ("auto", "uv", "pip"):
            raise UsageError(f"installer: {self.installer!r} is not 'auto', 'uv' or 'pip'.")
        if self.source and self.run_confined is None:
            raise UsageError("source: building packages runs their code, which needs run_confined.")
