"""What a tool gives."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..runtime.image import Image


class TextResultContent(BaseModel):
    """Text."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["TextResultContent"] = "TextResultContent"
    content: str


class ImageResultContent(BaseModel):
    """A picture."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["ImageResultContent"] = "ImageResultContent"
    content: Image


ResultContent = Annotated[TextResultContent | ImageResultContent, Field(discriminator="type")]


class ToolResult(BaseModel):
    """What one call of a tool gave."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["ToolResult"] = "ToolResult"
    name: str
    """The tool's."""
    result: list[ResultContent]
    is_error: bool = False

    @property
    def images(self) -> list[Image]:
        """The pictures in it."""
        return [part.content for part in self.result if isinstance(part, ImageResultContent)]

    def to_text(self, replace_image: str | None = None) -> str:
        """All of it as text, with ``replace_image`` (default: its base64) for each picture."""
        return "\n".join(
            part.content
            if isinstance(part, TextResultContent)
            else (
                f"[Image: {part.content.to_base64()}]" if replace_image is None else replace_image
            )
            for part in self.result
        )


def text_result(name: str, text: str, *, is_error: bool = False) -> ToolResult:
    """A result that is one text."""
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=is_error)
