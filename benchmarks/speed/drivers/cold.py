"""``cold.py PACKAGE``: the first result of a new process, from ``Sandbox()`` to the answer.

Each measure is by a new process, which imports first and then times itself.
"""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import asyncio, time
from {0}.sandbox import Sandbox

async def main():
    start = time.perf_counter()
    async with Sandbox() as box:
        result = await box.run("print(1+1)")
        took = time.perf_counter() - start
    assert result.output == "2\\n", result
    print(took)

asyncio.run(main())
"""


def cold() -> float:
    program = _PROGRAM.format(sys.argv[1])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout)


if __name__ == "__main__":
    from serving import serve

    serve(cold)
