"""A cell of a live Jupyter kernel, by jupyter_client as it is: the median of some in a row."""

from __future__ import annotations

import importlib
import statistics
import time
from typing import Any

_IN_A_ROW = 20


def ignore(message: object) -> None:
    """Outputs count as read."""


def operation(client: Any) -> Any:
    def run() -> float:
        times: list[float] = []
        for _ in range(_IN_A_ROW):
            start = time.perf_counter()
            reply = client.execute_interactive("print(1+1)", timeout=30, output_hook=ignore)
            times.append(time.perf_counter() - start)
            assert reply["content"]["status"] == "ok"
        return statistics.median(times)

    return run


if __name__ == "__main__":
    from serving import serve

    kernel, talk = importlib.import_module("jupyter_client.manager").start_new_kernel()
    try:
        serve(operation(talk))
    finally:
        talk.stop_channels()
        kernel.shutdown_kernel(now=True)
