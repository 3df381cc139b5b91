"""Runs code in Jupyter kernels: confined ones, of any language, for executors and notebooks."""

from .docker_server import DockerJupyterCodeExecutor, DockerJupyterServer
from .executor import JupyterCodeExecutor
from .gateway import JupyterConnectionInfo
from .result import JupyterCodeResult

__all__ = [
    "DockerJupyterCodeExecutor",
    "DockerJupyterServer",
    "JupyterCodeExecutor",
    "JupyterCodeResult",
    "JupyterConnectionInfo",
]
