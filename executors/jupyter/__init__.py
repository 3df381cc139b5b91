"""Runs code in Jupyter kernels: confined ones, of any language, for executors and notebooks."""

from .executor import JupyterCodeExecutor
from .result import JupyterCodeResult

__all__ = ["JupyterCodeExecutor", "JupyterCodeResult"]
