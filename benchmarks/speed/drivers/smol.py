"""smolagents: its interpreter of a part of Python, in this process; not a boundary, it says."""

from __future__ import annotations

import importlib
from typing import Any

from serving import serve

interpreter: Any = importlib.import_module("smolagents").LocalPythonExecutor([])
interpreter.send_tools({})


def run() -> None:
    assert interpreter("print(1+1)").logs == "2\n"


serve(run)
