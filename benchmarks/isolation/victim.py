"""A process that attacks may look for: it has secrets, and what was done to it can be seen."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_CODE = "import sys, time; secret = sys.stdin.readline(); print(flush=True); time.sleep(120)"


class Victim:
    """A sleeping process with one secret in its arguments and one only in its memory."""

    def __init__(self, in_arguments: str, in_memory: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _CODE, in_arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{in_memory}\n")
        self._process.stdin.close()
        self._process.stdout.readline()
        self._before = self._state()

    @property
    def pid(self) -> int:
        return self._process.pid

    def harm(self) -> list[str]:
        """What was done to it."""
        if self._process.poll() is not None:
            return ["killed"]
        after = self._state()
        return [f"{key}: {value}" for key, value in after.items() if value != self._before[key]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _state(self) -> dict[str, object]:
        folder = Path("/proc", str(self.pid))
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return {
            "stopped": status["State"].split()[0] in ("T", "t"),
            "tracer": status["TracerPid"].strip() != "0",
            "nice": os.getpriority(os.PRIO_PROCESS, self.pid),
            "affinity": sorted(os.sched_getaffinity(self.pid)),
            "descriptors": resource.prlimit(self.pid, resource.RLIMIT_NOFILE),
            "oom": (folder / "oom_score_adj").read_text().strip(),
        }
