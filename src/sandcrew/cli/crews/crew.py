"""A team that solves a task for somebody at a terminal, and what it is made of."""

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from ...agents import ApprovalFuncType, ApprovalPolicy, CodeExecutorAgent
from ...agents.base import TaskResult, Team
from ...agents.models import ChatCompletionClient
from ...executors.blockwise import BlockwiseExecutor

INSTRUCTIONS = """\
You solve the user's task by writing programs. Put a whole program into one ```python block, or \
```sh for the shell. It is run as it stands, in a fresh interpreter inside a sandbox without \
network, in the folder that holds the user's files; then you are shown what it printed. \
Variables do not survive from one program to the next, files do.

Look at the data before you rely on it. Print what you need to see. Save charts as PNG files. \
When a program fails, say in a sentence why, and give the whole mended program. Never make up a \
result.\
"""


@dataclass(frozen=True, slots=True)
class Means:
    """What a crew is made of."""

    make_client: Callable[..., ChatCompletionClient]
    """Makes the model of the command line; ``model=…`` asks the same server for another."""
    executor: BlockwiseExecutor
    max_turns: int
    approval: ApprovalFuncType | None = None
    """Asked before code runs."""
    remarks: str = ""
    """What those who write code are told besides their instructions."""
    _clients: list[ChatCompletionClient] = field(default_factory=list[ChatCompletionClient])

    def client(self, **options: Any) -> ChatCompletionClient:
        """A model, which is closed together with all others."""
        client = self.make_client(**options)
        self._clients.append(client)
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections of all models; the executor is its owner's."""
        for client in self._clients:
            await client.close()

    def told(self, instructions: str) -> str:
        """Instructions, with the remarks."""
        return f"{instructions}\n\n{self.remarks}".strip()

    def runner(self, name: str, **options: Any) -> CodeExecutorAgent:
        """An agent that runs code."""
        with unconfined_allowed():
            return CodeExecutorAgent(
                name,
                self.executor,
                approval_func=self.approval,
                # Each block is asked about by itself, so that what is remembered counts for it.
                approval_policy=None if self.approval is None else ApprovalPolicy(),
                **options,
            )


@contextmanager
def unconfined_allowed() -> Generator[None]:
    """Keep quiet about an unconfined executor: who says --executor local has been told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works on the task, and how to tell that it was solved."""

    team: Team
    solved: Callable[[TaskResult], bool]
