"""Small helpers around the content of messages, as AutoGen has them."""

from typing import TYPE_CHECKING

from ..later import later

if TYPE_CHECKING:
    from .content import content_to_str, remove_images

__all__ = [
    "content_to_str",
    "remove_images",
]

__getattr__ = later(
    __name__,
    {
        "content": ["content_to_str", "remove_images"],
    },
)
