"""sandlock: one run of a new Python under its Landlock and seccomp supervisor."""

from __future__ import annotations

import importlib
import sys
import tempfile
from typing import Any

from serving import serve

sandlock: Any = importlib.import_module("sandlock")
folder = tempfile.mkdtemp(prefix="sandcrew-bench-")
readable = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/dev", "/proc", sys.prefix, sys.base_prefix]
box: Any = sandlock.Sandbox(
    fs_readable=readable, fs_writable=[folder], max_memory="1G", max_processes=64, clean_env=True
)


def run() -> None:
    result = box.run([sys.executable, "-c", "print(1+1)"], timeout=30)
    assert bytes(result.stdout) == b"2\n", result


serve(run)
