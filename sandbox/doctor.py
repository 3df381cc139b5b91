"""What this host can enforce, found out by doing it, as the current user."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

from . import landlock_profile, layers, seccomp
from .cgroup import find_cgroups
from .errors import BackendError, BackendUnavailable, PolicyError
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
    """Try every layer, then run a program in a sandbox of each profile."""
    findings = [_system(), _landlock(), _seccomp()]
    findings.append(await _sandbox("sandbox", Policy(timeout=10), required=True))
    findings.append(await _sandbox("landlock profile", _landlock_policy(), required=False))
    findings += _landlock_gaps()
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


async def _sandbox(name: str, policy: Policy, *, required: bool) -> Finding:
    """Namespaces, mounts, ids and limits can only be tried together: run something."""
    detail, remedy = "", layers.DOCKER
    try:
        async with Sandbox(policy) as box:
            result = await box.run("print(6 * 7)")
        if result.output == "42\n":
            return Finding(name, True, ", ".join(result.isolation), required=required)
        detail = f"a program answered {result.output!r}"
    except BackendUnavailable as error:
        detail, remedy = f"{error.what}: {error.why}", error.remedy
    except (BackendError, PolicyError) as error:
        detail = str(error)
    return Finding(name, False, detail, remedy, required)


def _landlock_policy() -> Policy:
    # What is missing of the kernel is told by findings of its own.
    return Policy(profile="landlock", timeout=10, allow_missing=["landlock-signals"])


def _landlock_gaps() -> list[Finding]:
    """What this kernel's Landlock cannot confine, for which the profile has to do without."""
    abi = kernel.landlock_abi()
    if not abi:
        return []
    return [
        Finding(
            f"landlock {what}",
            False,
            f"version {abi} does not confine them; {consequence}",
            f"Linux {linux} or later (version {version})",
            required=False,
        )
        for version, linux, what, consequence in landlock_profile.FEATURES
        if abi < version
    ]


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
