"""What the host, the kernel and the proxy noticed of a run, put into words for its result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .result import Denial, Usage
from .seccomp import call_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cgroup import Accounts
    from .network.log import Refusal

_LAST_WORDS = (
    ("MemoryError", "memory"),
    ("std::bad_alloc", "memory"),
    ("Cannot allocate memory", "memory"),
    ("No space left on device", "disk"),
    ("File size limit exceeded", "disk"),
    ("File too large", "disk"),
    ("Resource temporarily unavailable", "processes"),
    ("can't start new thread", "processes"),
)


def denials(
    calls: Iterable[int], hosts: Iterable[Refusal], breach: str | None = None
) -> tuple[Denial, ...]:
    """What the kernel told of, system calls, and what the proxy refused; last, what was said to the
    host and ended all.

    The kernel does not tell an unprivileged process of denied files (EACCES, EROFS, ENOENT).
    """
    return (
        *(Denial("system call", call_name(call), "not permitted in a sandbox") for call in calls),
        *(Denial("network", _address(host.host, host.port), host.reason) for host in hosts),
        *([] if breach is None else [Denial("protocol", "a word to the host", breach)]),
    )


def limit_hit(told: str | None, accounts: Accounts | None, stderr: str) -> str | None:
    """The limit that ended a program which failed: what was ``told`` or the kernel counted.

    Without a cgroup the kernel counts nothing, and the words of the program are taken for it;
    they decide nothing but this name.
    """
    if told:
        return told
    if accounts is not None and accounts.memory_hits:
        return "memory"
    if accounts is not None and accounts.process_hits:
        return "processes"
    last = stderr.rstrip().rpartition("\n")[2]
    return next((name for words, name in _LAST_WORDS if words in last), None)


def since(before: Accounts | None, now: Accounts | None) -> Accounts | None:
    """What has been counted since ``before``; the peak of memory is that of all time."""
    if before is None or now is None:
        return now
    cpu = None
    if before.cpu_seconds is not None and now.cpu_seconds is not None:
        cpu = now.cpu_seconds - before.cpu_seconds
    return replace(
        now,
        memory_hits=now.memory_hits - before.memory_hits,
        process_hits=now.process_hits - before.process_hits,
        cpu_seconds=cpu,
    )


def usage(end: dict[str, Any], accounts: Accounts | None) -> Usage:
    """What the kernel counted, by cgroup if there was one.

    When a guest is killed the counts of its processes die with it, and only a cgroup knows.
    """
    complete = "processes" in end
    cpu = end.get("cpu_seconds") if complete else None
    peak = end.get("peak_memory") if complete else None
    if accounts is not None:
        cpu = cpu if accounts.cpu_seconds is None else accounts.cpu_seconds
        peak = peak if accounts.peak_memory is None else accounts.peak_memory
    return Usage(cpu, peak, end.get("processes"), end.get("bytes_written"))


def _address(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"
