"""What this host can enforce, found out by doing it, as the current user."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

from . import layers, seccomp
from .cgroup import find_cgroups
from .errors import BackendError, BackendUnavailable
from .guest import kernel
from .language import languages
from .policy import Policy
from .sandbox import Sandbox

NEWEST_LANDLOCK = 7
"""The Landlock version these layers were written for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing this host has, or has not and how to get it."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    required: bool = True
    """False for what the sandbox can do without."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings; ``ok`` when the default policy can be enforced here."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings if finding.required)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {"ok": self.ok, "findings": [asdict(finding) for finding in self.findings]}


async def diagnose() -> Report:
    """Try every layer, then run a program in a sandbox with the default policy."""
    findings = [_system(), _landlock(), _seccomp()]
    findings.append(await _sandbox())
    findings += [_language(name, suffix) for name, suffix in _LANGUAGES.items()]
    findings.append(_cgroup())
    return Report(tuple(findings))


_LANGUAGES = {"bash": "install bash", "javascript": "install Node.js and put node on the PATH"}


def _system() -> Finding:
    user = f"uid {os.geteuid()}" + (" (root)" if os.geteuid() == 0 else "")
    return Finding("system", True, f"{platform.system()} {platform.release()}, {user}")


def _landlock() -> Finding:
    abi = kernel.landlock_abi()
    if abi:
        older = "" if abi >= NEWEST_LANDLOCK else f" (version {NEWEST_LANDLOCK} confines more)"
        return Finding("landlock", True, f"version {abi}{older}")
    remedy = "Linux 5.13 or later, with 'landlock' in the lsm= list of the kernel command line"
    return Finding("landlock", False, "not in this kernel, or switched off", remedy)


def _seccomp() -> Finding:
    try:
        sizes = [len(program) // 8 for program in seccomp.filters()]
    except BackendUnavailable as error:
        return Finding("seccomp", False, error.why, error.remedy)
    return Finding("seccomp", True, f"libseccomp, filters of {' + '.join(map(str, sizes))} rules")


async def _sandbox() -> Finding:
    """Namespaces, mounts, ids and limits can only be tried together: run something."""
    try:
        async with Sandbox(Policy(timeout=10)) as box:
            result = await box.run("print(6 * 7)")
    except BackendUnavailable as error:
        return Finding("sandbox", False, f"{error.what}: {error.why}", error.remedy)
    except BackendError as error:
        return Finding("sandbox", False, str(error), layers.DOCKER)
    if result.output != "42\n":
        return Finding("sandbox", False, f"a program answered {result.output!r}", layers.DOCKER)
    return Finding("sandbox", True, ", ".join(result.isolation))


def _language(name: str, remedy: str) -> Finding:
    found = name in languages()
    where = languages()[name].argv[0] if found else "not found"
    return Finding(name, found, where, "" if found else remedy, required=False)


def _cgroup() -> Finding:
    found = find_cgroups()
    if found is not None:
        detail = f"version {found.version}: {', '.join(sorted(found.parents))}"
        return Finding("cgroup", True, detail, required=False)
    return Finding(
        "cgroup",
        False,
        "none can be made by this user: memory is limited for each process only (rlimit)",
        "start from a systemd user session, or with 'systemd-run --user --scope -p Delegate=yes'",
        required=False,
    )
