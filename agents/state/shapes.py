"""The shapes of saved state."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage


class _State(BaseModel):
    model_config = ConfigDict(defer_build=True)

    version: Literal["1.0.0"] = "1.0.0"

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Self:
        """Check a saved state.

        Raises
        ------
        UsageError
            It is of another type or version.
        """
        try:
            return cls.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not a {cls.__name__} of a known version: {error}") from error


class BaseState(_State):
    """What an agent without a memory saves."""

    type: str = "BaseState"


class AssistantAgentState(_State):
    """An assistant's memory."""

    type: Literal["AssistantAgentState"] = "AssistantAgentState"
    llm_context: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    memory: list[Mapping[str, Any]] = Field(default_factory=list[Mapping[str, Any]])
    """Of each memory, in their order."""
    workbench: list[Mapping[str, Any]] = Field(default_factory=list[Mapping[str, Any]])
    """Of each workbench, in their order."""


class CodeExecutorAgentState(_State):
    """The memory of an agent that runs code."""

    type: Literal["CodeExecutorAgentState"] = "CodeExecutorAgentState"
    llm_context: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    approval_policy: Mapping[str, Any] | None = None
    """With the rules that were remembered."""


class SocietyOfMindAgentState(_State):
    """The memory of an agent behind which a team works."""

    type: Literal["SocietyOfMindAgentState"] = "SocietyOfMindAgentState"
    inner_team_state: Mapping[str, Any]
    llm_context: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    asked: list[str] = Field(default_factory=list[str])
    """The messages of the turn that was interrupted."""
    transcript: list[LLMMessage] = Field(default_factory=list[LLMMessage])
    """What the team has said in it."""
    done: bool = False
    """The team has ended, and only the answer is missing."""


class GroupChatState(_State):
    """A team between two turns."""

    type: Literal["GroupChatState"] = "GroupChatState"
    agent_states: Mapping[str, Mapping[str, Any]]
    """The members' states by name."""
    message_thread: list[Mapping[str, Any]]
    """Everything that happened."""
    aloud: list[tuple[int, str]]
    """The places in the thread that the members hear, each with its author."""
    heard: Mapping[str, int]
    """How much of ``aloud`` each member knows."""
    checked: int
    """How much of the thread the termination condition knows."""
    current_turn: int = Field(ge=0)
    """Turns taken in the run that is going on, or was interrupted."""
    interrupted: bool = False
    ended: str | None = None
    """Why that run is over, if it was interrupted before it could say so."""
    untold: list[int] = Field(default_factory=list[int])
    """The places in the thread of what was said and has not been in a stream."""
    due: list[str]
    """Who was to speak, and has not finished."""
    begun: list[str]
    """The teams among them that have begun."""
    audible: int = Field(ge=0)
    """How much of ``aloud`` they are to hear."""
    speaker: Mapping[str, Any]
    """What the kind of team remembers to say who is next."""
    termination: Mapping[str, Any] | None = None
    """The progress of the termination condition."""
