"""sandlock: one run of a new Python under its Landlock and seccomp supervisor."""

from __future__ import annotations

import importlib
import sys
import tempfile
from typing import Any


def operation(folder: str) -> Any:
    readable = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/dev", "/proc"]
    box: Any = importlib.import_module("sandlock").Sandbox(
        fs_readable=[*readable, sys.prefix, sys.base_prefix],
        fs_writable=[folder],
        max_memory="1G",
        max_processes=64,
        clean_env=True,
    )

    def run() -> None:
        result = box.run([sys.executable, "-c", "print(1+1)"], timeout=30)
        assert bytes(result.stdout) == b"2\n", result

    return run


if __name__ == "__main__":
    from serving import serve

    with tempfile.TemporaryDirectory(prefix="sandcrew-bench-") as place:
        serve(operation(place))
