"""What is said to a model, and what it answers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..runtime.function_call import FunctionCall
from ..runtime.image import Image
from .usage import RequestUsage

FinishReasons = Literal["stop", "length", "function_calls", "content_filter", "unknown"]


class _Value(BaseModel):
    # Building validators is most of the import time; those nobody uses need none.
    model_config = ConfigDict(defer_build=True)


class SystemMessage(_Value):
    """Instructions of the developer."""

    content: str
    type: Literal["SystemMessage"] = "SystemMessage"


class UserMessage(_Value):
    """Input to the model: of a person, of another agent, of a program."""

    content: str | list[str | Image]
    source: str
    """The name of the agent that said it."""
    type: Literal["UserMessage"] = "UserMessage"


class AssistantMessage(_Value):
    """What the model said before."""

    content: str | list[FunctionCall]
    thought: str | None = None
    source: str
    type: Literal["AssistantMessage"] = "AssistantMessage"


class FunctionExecutionResult(_Value):
    """What one function call gave."""

    content: str
    name: str
    call_id: str
    is_error: bool | None = None
    images: list[Image] = Field(default_factory=list[Image])
    """The pictures it gave, for models that can see; ``[image]`` stands for each in ``content``."""


class FunctionExecutionResultMessage(_Value):
    """What the function calls of one assistant message gave."""

    content: list[FunctionExecutionResult]
    type: Literal["FunctionExecutionResultMessage"] = "FunctionExecutionResultMessage"


LLMMessage = Annotated[
    SystemMessage | UserMessage | AssistantMessage | FunctionExecutionResultMessage,
    Field(discriminator="type"),
]


@dataclass
class TopLogprob:
    """A token the model could have said instead."""

    logprob: float
    bytes: list[int] | None = None


class ChatCompletionTokenLogprob(_Value):
    """A token of the answer, and how likely it was."""

    token: str
    logprob: float
    """The natural logarithm of its probability."""
    top_logprobs: list[TopLogprob] | None = None
    bytes: list[int] | None = None


class CreateResult(_Value):
    """A model's whole answer."""

    finish_reason: FinishReasons
    content: str | list[FunctionCall]
    usage: RequestUsage
    cached: bool
    """True when no model was asked."""
    logprobs: list[ChatCompletionTokenLogprob] | None = None
    """Where they were asked for."""
    thought: str | None = None
    """What the model thought before it spoke, where it tells."""
