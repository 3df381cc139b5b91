"""What a memory holds and gives."""

import base64
from enum import StrEnum
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from ..runtime.image import Image


class MemoryMimeType(StrEnum):
    """The kinds of content AutoGen names; any other MIME type is a string."""

    TEXT = "text/plain"
    JSON = "application/json"
    MARKDOWN = "text/markdown"
    IMAGE = "image/*"
    BINARY = "application/octet-stream"


Content = str | bytes | dict[str, Any] | Image


class MemoryContent(BaseModel):
    """One thing to remember."""

    model_config = ConfigDict(defer_build=True)

    # Declared first: the validator of the content looks at it.
    mime_type: MemoryMimeType | str
    content: Content
    metadata: dict[str, Any] | None = None

    @field_validator("content", mode="wrap")
    @classmethod
    def _from_json(cls, value: Any, handler: Any, info: Any) -> Any:
        """Bytes and pictures back from their JSON; all else as it is."""
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            if fields.keys() == {"base64"}:
                return base64.b64decode(fields["base64"])
            if str(info.data.get("mime_type", "")).startswith("image/"):
                return Image.model_validate(fields)
        return handler(value)

    @field_serializer("content", when_used="json")
    def _to_json(self, value: Content) -> Any:
        if isinstance(value, bytes):
            return {"base64": base64.b64encode(value).decode()}
        return value.model_dump() if isinstance(value, Image) else value

    def to_text(self) -> str:
        """What a model is told."""
        if isinstance(self.content, Image):
            return "[image]"
        if isinstance(self.content, bytes):
            return self.content.decode(errors="replace")
        return str(self.content)


class MemoryQueryResult(BaseModel):
    """What a query found."""

    model_config = ConfigDict(defer_build=True)

    results: list[MemoryContent] = Field(default_factory=list[MemoryContent])


class UpdateContextResult(BaseModel):
    """What a memory put into a context."""

    model_config = ConfigDict(defer_build=True)

    memories: MemoryQueryResult
