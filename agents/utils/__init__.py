"""Small helpers around the content of messages, as AutoGen has them."""

from .content import content_to_str, remove_images

__all__ = ["content_to_str", "remove_images"]
