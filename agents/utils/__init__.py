"""Small helpers around the content of messages, as AutoGen has them."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .content import content_to_str, remove_images
    from .json_schema import schema_to_pydantic_model
    from .json_text import extract_json_from_str

__all__ = [
    "content_to_str",
    "extract_json_from_str",
    "remove_images",
    "schema_to_pydantic_model",
]

__getattr__ = _later(
    __name__,
    {
        "content": ["content_to_str", "remove_images"],
        "json_schema": ["schema_to_pydantic_model"],
        "json_text": ["extract_json_from_str"],
    },
)
