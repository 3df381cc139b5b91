"""A picture in a message."""

import base64
import io
import mimetypes
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from ...sandbox.errors import UsageError


class Image(BaseModel):
    """The bytes of a picture (base64) and their MIME type.

    As in AutoGen, ``Image(pil_image)`` takes a picture of Pillow's; nothing else needs Pillow.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    data: str
    mime_type: str = "image/png"

    def __init__(self, image: Any = None, /, **fields: Any) -> None:
        if image is not None:
            buffer = io.BytesIO()
            image.save(buffer, format="PNG")
            fields = {"data": base64.b64encode(buffer.getvalue()).decode()}
        super().__init__(**fields)

    @classmethod
    def from_pil(cls, image: Any) -> Self:
        return cls(image)

    @classmethod
    def from_base64(cls, data: str, mime_type: str = "image/png") -> Self:
        return cls(data=data, mime_type=mime_type)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str = "image/png") -> Self:
        return cls(data=base64.b64encode(data).decode(), mime_type=mime_type)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a picture.

        Raises
        ------
        OSError
            The file cannot be read.
        """
        mime_type = mimetypes.guess_type(str(path))[0] or "image/png"
        return cls.from_bytes(Path(path).read_bytes(), mime_type)

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """Take a picture out of a ``data:`` URI.

        Raises
        ------
        UsageError
            It is not a base64 ``data:`` URI.
        """
        head, comma, data = uri.partition(";base64,")
        if not comma or not head.startswith("data:"):
            raise UsageError("Image.from_uri takes a URI like data:image/png;base64,….")
        return cls(data=data, mime_type=head.removeprefix("data:") or "image/png")

    def to_base64(self) -> str:
        return self.data

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime_type};base64,{self.data}"

    def to_openai_format(self, detail: Literal["auto", "low", "high"] = "auto") -> dict[str, Any]:
        return {"type": "image_url", "image_url": {"url": self.data_uri, "detail": detail}}
