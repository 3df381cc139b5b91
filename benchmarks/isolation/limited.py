"""An executor with the limits of the suite, for commands that take no policy."""

from __future__ import annotations

from typing import Any

from ...executors.sandbox import SandboxCodeExecutor
from ...sandbox.policy import Policy
from .attack import LIMITS


class LimitedExecutor(SandboxCodeExecutor):
    """``--executor sandcrew.benchmarks.isolation.limited:LimitedExecutor``"""

    def __init__(self, timeout: float = 60.0, **options: Any) -> None:
        policy = Policy(
            timeout=timeout,
            memory=LIMITS.memory,
            processes=LIMITS.processes,
            disk=LIMITS.disk,
            files=LIMITS.files,
            output=LIMITS.output,
        )
        super().__init__(policy=policy, **options)
