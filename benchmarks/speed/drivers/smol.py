"""smolagents: its interpreter of a part of Python, in this process; not a boundary, it says."""

from __future__ import annotations

import importlib
from typing import Any


def operation() -> Any:
    interpreter: Any = importlib.import_module("smolagents").LocalPythonExecutor([])
    interpreter.send_tools({})

    def run() -> None:
        assert interpreter("print(1+1)").logs == "2\n"

    return run


if __name__ == "__main__":
    from serving import serve

    serve(operation())
