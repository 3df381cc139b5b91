"""A turn without a model: run what others wrote."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    BaseTextChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    TextMessage,
)
from ..messages.base import RELAYED_OUTPUT
from ..runtime import CancellationToken
from .approval import fenced
from .execution import Execution
from .report import told


class Listener:
    """Runs the code of other agents' messages.

    Parameters
    ----------
    execution:
        Runs it.
    sources:
        The agents it listens to; ``None`` for all.
    nothing_found:
        What it says when there is no code.
    """

    def __init__(
        self, execution: Execution, sources: Sequence[str] | None, nothing_found: str
    ) -> None:
        self._execution = execution
        self._sources = sources
        self._nothing_found = nothing_found

    async def turn(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | TextMessage, None]:
        """Run all code of ``messages``; the answer comes last."""
        heard = [
            message
            for message in messages
            if isinstance(message, BaseTextChatMessage)
            and (self._sources is None or message.source in self._sources)
        ]
        blocks = [block for message in heard for block in self._execution.find(message.content)]
        name = self._execution.name
        if not blocks:
            yield TextMessage(content=self._nothing_found, source=name)
            return
        yield CodeGenerationEvent(
            retry_attempt=0, content=fenced(blocks), code_blocks=blocks, source=name
        )
        context = [message.to_model_message() for message in messages]
        async with aclosing(self._execution.run(blocks, context, token)) as entries:
            async for entry in entries:
                yield entry
                if isinstance(entry, CodeExecutionEvent):
                    yield TextMessage(
                        content=told(entry),
                        source=name,
                        metadata={"exit_code": str(entry.result.exit_code), **RELAYED_OUTPUT},
                    )
