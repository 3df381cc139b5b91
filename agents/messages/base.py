"""What all messages and events have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from ..models.types import UserMessage
from ..models.usage import RequestUsage


def _new_id() -> str:
    return str(uuid4())


def _now() -> datetime:
    return datetime.now(UTC)


class BaseMessage(BaseModel, ABC):
    """Anything that appears in the stream of a run."""

    model_config = ConfigDict(defer_build=True)

    @abstractmethod
    def to_text(self) -> str:
        """The text a person reads."""

    def dump(self) -> Mapping[str, Any]:
        """The fields as JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of :meth:`dump`.

        Raises
        ------
        pydantic.ValidationError
            The data is not a message of this type.
        """
        return cls.model_validate(data)


class _Entry(BaseMessage, ABC):
    id: str = Field(default_factory=_new_id)
    source: str
    """The name of the agent (or ``user``) it comes from."""
    models_usage: RequestUsage | None = None
    """The tokens of the model call that made it, if one did."""
    metadata: dict[str, str] = Field(default_factory=dict[str, str])
    created_at: datetime = Field(default_factory=_now)


RELAYED_OUTPUT: Mapping[str, str] = {"relays": "output"}
"""The metadata of a message whose words are the output of code, not its agent's own."""


class BaseChatMessage(_Entry, ABC):
    """Something an agent says to the others."""

    @property
    def relays_output(self) -> bool:
        """True when the words are what code or tools gave, and the agent only passes them on.

        The agent that made the message says so; what stands in its text does not count.
        """
        return self.metadata.items() >= RELAYED_OUTPUT.items()

    @abstractmethod
    def to_model_text(self) -> str:
        """The text a model is given."""

    @abstractmethod
    def to_model_message(self) -> UserMessage:
        """The message a model is given."""


class BaseTextChatMessage(BaseChatMessage, ABC):
    """A chat message that is text."""

    content: str

    def to_text(self) -> str:
        return self.content

    def to_model_text(self) -> str:
        return self.content

    def to_model_message(self) -> UserMessage:
        return UserMessage(content=self.content, source=self.source)


class BaseAgentEvent(_Entry, ABC):
    """Something that happened; the other agents do not get it."""

    transient: ClassVar[bool] = False
    """True for a piece of something that follows as a whole: it is in the stream only."""
