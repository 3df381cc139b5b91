"""Runs code blocks in containers of a Docker engine, or of Podman."""

from .executor import DockerCommandLineCodeExecutor
from .pool import DockerExecutorPool

__all__ = ["DockerCommandLineCodeExecutor", "DockerExecutorPool"]
