"""The same program for two libraries: ours, and the one whose names it has."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

OURS, PEER = "sandcrew", "autogen 0.7.5"
_MODEL_INFO = {
    "vision": False,
    "function_calling": False,
    "json_output": False,
    "structured_output": False,
    "family": "unknown",
}


@dataclass(frozen=True)
class Library:
    """The same names from either library."""

    agents: Any
    base: Any
    messages: Any
    models: Any
    runtime: Any
    teams: Any

    def model(self, text: str = "hello", chunks: int = 0) -> Any:
        """A model that answers at once, in so many pieces if it is streamed."""
        result = self.models.CreateResult(
            finish_reason="stop",
            content=text,
            usage=self.models.RequestUsage(prompt_tokens=1, completion_tokens=1),
            cached=False,
        )

        async def create(_: object, messages: object, **options: object) -> Any:
            return result

        async def create_stream(
            _: object, messages: object, **options: object
        ) -> AsyncGenerator[Any, None]:
            for _number in range(chunks):
                yield "x"
            yield result

        async def close(_: object) -> None: ...

        def zero(*_: object, **__: object) -> Any:
            return self.models.RequestUsage(prompt_tokens=0, completion_tokens=0)

        def none(*_: object, **__: object) -> int:
            return 0

        def info(_: object) -> Any:
            return _MODEL_INFO

        methods: dict[str, Any] = {
            "create": create,
            "create_stream": create_stream,
            "close": close,
            "actual_usage": zero,
            "total_usage": zero,
            "count_tokens": none,
            "remaining_tokens": none,
            "model_info": property(info),
            "capabilities": property(info),
        }
        return type("InstantModel", (self.models.ChatCompletionClient,), methods)()

    def pair(self) -> list[Any]:
        """Two assistants."""
        return [self.agents.AssistantAgent(name, self.model()) for name in ("a", "b")]

    def instant_agent(self, name: str) -> Any:
        """An agent without a model that keeps nothing."""

        async def on_messages(_: Any, messages: object, token: object) -> Any:
            message = self.messages.TextMessage(content="hello", source=name)
            return self.base.Response(chat_message=message)

        async def on_reset(_: object, token: object) -> None: ...

        methods: dict[str, Any] = {
            "on_messages": on_messages,
            "on_reset": on_reset,
            "produced_message_types": property(lambda _: (self.messages.TextMessage,)),
        }
        return type("InstantAgent", (self.agents.BaseChatAgent,), methods)(name, "")


def ours() -> Library:
    root = __spec__.name.partition(".")[0]
    parts = ("", ".base", ".messages", ".models", ".runtime", ".teams")
    return Library(*(importlib.import_module(f"{root}.agents{part}") for part in parts))


def libraries() -> dict[str, Library]:
    """Ours, and the peer where it is installed."""
    found = {OURS: ours()}
    if importlib.util.find_spec("autogen_agentchat") is not None:
        parts = ("agents", "base", "messages")
        chat = [importlib.import_module(f"autogen_agentchat.{part}") for part in parts]
        others = ("autogen_core.models", "autogen_core", "autogen_agentchat.teams")
        found[PEER] = Library(*chat, *(importlib.import_module(name) for name in others))
    return found
