"""Messages and events, and their way to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sandcrew.agents import messages as all_messages
from sandcrew.agents.memory import MemoryContent, MemoryMimeType
from sandcrew.agents.messages import (
    AgentEvent,
    BaseAgentEvent,
    BaseChatMessage,
    ChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    MessageFactory,
    MultiModalMessage,
    StructuredMessage,
    TextMessage,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from sandcrew.agents.models import AssistantMessage, FunctionExecutionResult, RequestUsage
from sandcrew.agents.runtime import FunctionCall, Image
from sandcrew.executors import (
    Artifact,
    CodeBlock,
    CodeResult,
    CommandLineCodeResult,
    Denial,
    RichOutput,
    UsageError,
)

RESULT = CodeResult(
    exit_code=3,
    output="x",
    outputs=(RichOutput({"text/plain": "1"}),),
    artifacts=(Artifact("a.png", 1, "image/png"),),
    denials=(Denial("network", "example.org"),),
    isolation=("landlock",),
)
CALL = FunctionCall(id="1", arguments="{}", name="f")
MEMORIES = [
    MemoryContent(content="x", mime_type=MemoryMimeType.TEXT),
    MemoryContent(content=b"\xff", mime_type=MemoryMimeType.BINARY, metadata={"k": 1}),
    MemoryContent(content={"data": "x"}, mime_type="application/json"),
    MemoryContent(content=Image(data="AAAA"), mime_type=MemoryMimeType.IMAGE),
]
FIELDS: dict[str, dict[str, Any]] = {
    "TextMessage": {"content": "hi", "models_usage": RequestUsage(1, 2, 3, 4)},
    "StopMessage": {"content": "hi"},
    "HandoffMessage": {
        "content": "hi",
        "target": "b",
        "context": [AssistantMessage(content=[CALL], source="a")],
    },
    "MultiModalMessage": {"content": ["look", Image(data="AAAA")]},
    "ToolCallSummaryMessage": {"content": "hi", "tool_calls": [CALL], "results": []},
    "ToolCallRequestEvent": {"content": [CALL]},
    "ToolCallExecutionEvent": {
        "content": [FunctionExecutionResult(content="x", name="f", call_id="1")]
    },
    "MemoryQueryEvent": {"content": MEMORIES},
    "UserInputRequestedEvent": {"request_id": "1"},
    "ModelClientStreamingChunkEvent": {"content": "hi", "full_message_id": "m"},
    "ThoughtEvent": {"content": "hm"},
    "SelectSpeakerEvent": {"content": ["a"]},
    "SelectorEvent": {"content": "a"},
    "CodeGenerationEvent": {
        "retry_attempt": 1,
        "content": "hi",
        "code_blocks": [CodeBlock("1", "python")],
    },
    "ApprovalRequestEvent": {"code_blocks": [CodeBlock("1", "python")]},
    "ApprovalResponseEvent": {"approved": True, "reason": "fine"},
    "CodeOutputEvent": {"content": "x", "stream": "stderr"},
    "CodeExecutionEvent": {"retry_attempt": 1, "result": RESULT},
    "RetryDecisionEvent": {"retry_attempt": 1, "retry": True, "reason": "fine"},
}
KNOWN: tuple[type[BaseChatMessage | BaseAgentEvent], ...] = (
    *ChatMessage.__args__,
    *AgentEvent.__args__,
)


@pytest.mark.parametrize("kind", KNOWN)
def test_every_message_survives_json(kind: type[BaseChatMessage | BaseAgentEvent]) -> None:
    message = kind(source="a", metadata={"k": "v"}, **FIELDS[kind.__name__])
    data = json.loads(json.dumps(message.dump()))
    assert data["type"] == kind.__name__
    assert MessageFactory().create(data) == message
    assert isinstance(message.to_text(), str)


def test_every_message_type_is_known_to_the_factory() -> None:
    public = {
        value
        for name in all_messages.__all__
        if isinstance(value := getattr(all_messages, name), type)
        and issubclass(value, BaseChatMessage | BaseAgentEvent)
        and "type" in value.model_fields
    }
    assert public == set(KNOWN)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UsageError, match="'Nonsense'"):
        MessageFactory().create({"type": "Nonsense"})
    with pytest.raises(ValidationError):
        MessageFactory().create({"type": "TextMessage"})


class City(BaseModel):
    name: str


def test_a_structured_message_is_named_after_its_content() -> None:
    message = StructuredMessage[City](content=City(name="Ulm"), source="a")
    assert message.dump()["type"] == "StructuredMessage[City]"
    assert message.to_model_text() == '{"name":"Ulm"}'
    factory = MessageFactory()
    assert not factory.is_registered(StructuredMessage[City])
    factory.register(StructuredMessage[City])
    assert factory.create(message.dump()) == message
    told = StructuredMessage[City](
        content=City(name="Ulm"), source="a", format_string="It is {name}."
    )
    assert told.to_text() == "It is Ulm."


def test_a_message_tells_a_model_who_said_it() -> None:
    message = TextMessage(content="hi", source="a").to_model_message()
    assert (message.content, message.source) == ("hi", "a")
    picture = MultiModalMessage(content=["look", Image(data="AAAA")], source="a")
    assert picture.to_model_text() == "look [image]"
    assert picture.to_model_message().content == ["look", Image(data="AAAA")]


def test_what_is_known_only_to_one_executor_is_still_a_result() -> None:
    result = CommandLineCodeResult(exit_code=0, output="x", code_file="/tmp/x.py")
    event = CodeExecutionEvent(retry_attempt=0, result=result, source="a")
    assert event.result is result
    loaded = MessageFactory().create(event.dump())
    assert isinstance(loaded, CodeExecutionEvent)
    assert loaded.result.output == "x"


def test_ids_and_times_are_of_the_message() -> None:
    first, second = TextMessage(content="x", source="a"), TextMessage(content="x", source="a")
    assert first.id != second.id
    assert first.created_at <= second.created_at
    assert first.created_at.utcoffset() is not None


def test_texts_of_tools_can_be_read() -> None:
    assert ToolCallRequestEvent(content=[CALL], source="a").to_text() == "f({})"
    summary = ToolCallSummaryMessage(content="x", tool_calls=[], results=[], source="a")
    assert summary.to_model_text() == "x"
    event = CodeGenerationEvent(retry_attempt=0, content="x", code_blocks=[], source="a")
    assert event.to_text() == "x"
