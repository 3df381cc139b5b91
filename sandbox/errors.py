"""The error tree of sandcrew.

An exception never reports what a *program* did (that is a :class:`CodeResult`); it says whose
fault a failure of the machinery is, and what to do::

    SandcrewError
    ├── UsageError           the caller asked for something that makes no sense
    │   └── PolicyError      a policy that contradicts itself or names what is not there
    └── BackendError         the place where code runs failed
        ├── BackendUnavailable   it cannot be had: a kernel feature, daemon or image is missing
        ├── BackendCrashed       it was there and went away; the next call may start it again
        ├── PackageBuildFailed   packages a policy names cannot be had (sandcrew.sandbox.packages)
        └── MissingExtra         an optional dependency of sandcrew is not installed
"""

from __future__ import annotations


class SandcrewError(Exception):
    """The root: catch it to catch everything sandcrew raises on purpose."""


class UsageError(SandcrewError, ValueError):
    """The caller's mistake. The command line exits with 2."""


class PolicyError(UsageError):
    """A policy that cannot be meant: unknown key, absurd size, a path that does not exist."""


class BackendError(SandcrewError, RuntimeError):
    """The backend's failure, not the program's. The command line exits with 3."""


class BackendUnavailable(BackendError):
    """The backend cannot be had here.

    Parameters
    ----------
    what:
        What is missing, e.g. ``"user namespaces"``.
    why:
        What the host answered.
    remedy:
        What the reader can do about it.
    """

    def __init__(self, what: str, *, why: str, remedy: str) -> None:
        super().__init__(f"{what}: {why}. {remedy}")
        self.what = what
        self.why = why
        self.remedy = remedy


class BackendCrashed(BackendError):
    """The backend went away while it was in use."""


class MissingExtra(BackendError, ImportError):
    """An optional part of sandcrew was asked for whose packages are not installed."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"This needs the package {module!r}. Install it with: pip install 'sandcrew[{extra}]'"
        )
        self.extra = extra
