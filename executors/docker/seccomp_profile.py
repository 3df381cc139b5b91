"""The system call filter of the sandbox as a container engine takes it.

A container has one filter, in which a call has either conditions or none (the JSON of Docker's
``--security-opt seccomp``, which is that of the OCI runtime specification, "linux.seccomp"). So it
has the allow list and what must not be had with any argument. The rest, and the report of what was
refused, comes with the filters that the guest puts on its programs.

The kernel takes the strictest answer of all filters, and to tell is less strict than to refuse
(seccomp(2)). So what is to be told is handed to a tracer here, which is less strict still: nobody
can be one, for ptrace(2) is among these calls, and without one they do not exist.
"""

from __future__ import annotations

import errno
import functools
import json
from typing import Any

from ...sandbox import seccomp

_CONDITIONAL = ("clone", "socket", "socketpair")
_PROBED = ("clone3",)
"""Calls the C library tries first. It falls back to older ones only if these do not exist, and an
engine before 23.0 does not know ``defaultErrnoRet``."""


@functools.cache
def profile() -> str:
    """The profile as JSON text."""
    rules: list[dict[str, Any]] = [
        _rule([name for name in seccomp.ALLOWED if name not in _CONDITIONAL]),
        _rule(["clone"], _without(0, (*seccomp.NAMESPACE_FLAGS, seccomp.CLONE_PARENT))),
        *(
            _rule(["socket", "socketpair"], _equal(0, family))
            for family in seccomp.FAMILIES
        ),
        _rule(["sched_setscheduler"], _equal(1, seccomp.SCHED_OTHER)),  # libzmq asks for it
        {"names": seccomp.REFUSED, "action": "SCMP_ACT_TRACE"},
        {"names": seccomp.REFUSED_QUIETLY, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
        {"names": list(_PROBED), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
    ]  # fmt: skip
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": errno.ENOSYS,
            "syscalls": rules,
        }
    )


def _rule(names: list[str], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ALLOW", "args": list(conditions)}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _without(index: int, flags: tuple[int, ...]) -> dict[str, Any]:
    """The argument has none of ``flags`` (here ``value`` is the mask)."""
    mask = functools.reduce(int.__or__, flags)
    return {"index": index, "value": mask, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
