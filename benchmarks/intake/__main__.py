"""``python -m sandcrew.benchmarks.intake [WORD …]``: memory and time of the host for what it reads.

Each runs in a process of its own, which prints by how much it grew.
"""

from __future__ import annotations

import subprocess
import sys
import time

from .arrow_files import FILES
from .frame_floods import FLOODS
from .texts import TEXTS

MOST = 64 << 20
_HEAD = f"{'what':<56}{'grown by':>10}{'seconds':>9}"
_KINDS = {"arrow_files": tuple(FILES), "frame_floods": tuple(FLOODS), "texts": tuple(TEXTS)}


def main(only: list[str]) -> int:
    """Print the table; 1 if something grew by more than it may."""
    print(_HEAD)
    failed = 0
    for module, known in _KINDS.items():
        for name in known:
            title = f"{module.replace('_', ' ')}: {name}"
            if any(word not in title for word in only):
                continue
            begin = time.monotonic()
            command = [sys.executable, "-m", f"{__package__}.{module}", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.monotonic() - begin
            grown = int(done.stdout.split()[0]) if done.returncode == 0 else None
            failed += grown is None or grown > MOST
            told = "failed" if grown is None else f"{grown / 1e6:.1f} MB"
            print(f"{title:<56}{told:>10}{seconds:>9.1f}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
