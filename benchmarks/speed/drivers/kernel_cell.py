"""A cell of a live Jupyter kernel, by jupyter_client as it is."""

from __future__ import annotations

import importlib
from typing import Any


def ignore(message: object) -> None:
    """Outputs count as read."""


def operation(client: Any) -> Any:
    def run() -> None:
        reply = client.execute_interactive("print(1+1)", timeout=30, output_hook=ignore)
        assert reply["content"]["status"] == "ok"

    return run


if __name__ == "__main__":
    from serving import serve

    kernel, talk = importlib.import_module("jupyter_client.manager").start_new_kernel()
    try:
        serve(operation(talk))
    finally:
        talk.stop_channels()
        kernel.shutdown_kernel(now=True)
