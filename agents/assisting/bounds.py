"""Keeping what a tool gave to a size a model can read."""

from collections.abc import Sequence

from ..runtime.image import Image

MAX_RESULT = 100_000
"""Characters of one result; more would fill the window of most models."""
_HEAD = 0.7
_IMAGES, _IMAGE_SIZE = 8, 10 << 20  # pictures of one result, and characters of base64 in each


def bounded(text: str, limit: int = MAX_RESULT) -> str:
    """The beginning and the end of a long text, with a note of what is missing between."""
    if len(text) <= limit:
        return text
    head = int(limit * _HEAD)
    dropped = len(text) - limit
    return f"{text[:head]}\n[… {dropped:,} characters left out …]\n{text[head - limit :]}"


def bounded_images(images: Sequence[Image]) -> list[Image]:
    """The first pictures, without those that are too large for most servers."""
    return [image for image in images[:_IMAGES] if len(image.data) <= _IMAGE_SIZE]
