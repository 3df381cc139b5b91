"""The Docker executor keeps the contract."""

from __future__ import annotations

from typing import Any

from sandcrew.executors import DockerCommandLineCodeExecutor
from sandcrew.executors.docker.images import tag_of
from sandcrew.executors.testing import CodeExecutorContract


class TestDockerExecutorContract(CodeExecutorContract):
    def make_executor(self, **options: Any) -> DockerCommandLineCodeExecutor:
        return DockerCommandLineCodeExecutor(tag_of("base"), **options)
