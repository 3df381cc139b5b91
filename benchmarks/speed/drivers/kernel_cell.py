"""A cell of a live Jupyter kernel, by jupyter_client as it is."""

from __future__ import annotations

import importlib
from typing import Any

from serving import serve

manager_of: Any = importlib.import_module("jupyter_client.manager")
manager, client = manager_of.start_new_kernel()


def ignore(message: object) -> None:
    """Outputs count as read."""


def run() -> None:
    reply = client.execute_interactive("print(1+1)", timeout=30, output_hook=ignore)
    assert reply["content"]["status"] == "ok"


try:
    serve(run)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
