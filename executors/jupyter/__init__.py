"""Runs code in Jupyter kernels: confined ones, of any language, for executors and notebooks."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
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

__getattr__ = _later(
    __name__,
    {
        "docker_server": ["DockerJupyterCodeExecutor", "DockerJupyterServer"],
        "executor": ["JupyterCodeExecutor"],
        "gateway": ["JupyterConnectionInfo"],
        "result": ["JupyterCodeResult"],
    },
)
