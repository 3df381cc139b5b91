"""What an environment is built for: one installation of Python."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import BackendUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from ..interpreter import Interpreter

LAYOUT = 1
"""Part of every key: an environment of another layout is another environment."""

_PROBE = """
import json, sys, sysconfig
print(json.dumps({
    "python": "%s %d.%d.%d" % (sys.implementation.name, *sys.version_info[:3]),
    "abi": str(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag),
    "platform": sysconfig.get_platform(),
}))
"""


async def describe(interpreter: Interpreter) -> dict[str, str]:
    """Version, ABI, platform and real executable of an interpreter.

    Virtual environments of one installation give the same answer, so they share packages.

    Raises
    ------
    BackendUnavailable
        It does not answer.
    """
    path = interpreter.executable
    try:
        real = path.resolve(strict=True)
        stat = real.stat()
        # Asked again when the file was replaced, by an upgrade for example.
        said = await asyncio.to_thread(_ask, path, stat.st_ino, stat.st_mtime_ns)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BackendUnavailable(
            "packages",
            why=f"the interpreter {path} does not say what it is ({error})",
            remedy="Name another one.",
        ) from error
    return {**said, "executable": str(real)}


def environment_key(
    requirements: tuple[str, ...], target: dict[str, str], *, source: bool = False
) -> str:
    """The name of the one environment for this set and this interpreter: 32 hex digits."""
    text = json.dumps([LAYOUT, requirements, target, source], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=64)
def _ask(executable: Path, _inode: int, _changed: int) -> dict[str, str]:
    answer = subprocess.run(
        [executable, "-I", "-S", "-c", _PROBE],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    return {str(key): str(value) for key, value in json.loads(answer.stdout).items()}
