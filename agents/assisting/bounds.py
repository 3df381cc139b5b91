"""Keeping what a tool gave to a size a model can read."""

MAX_RESULT = 100_000
"""Characters of one result; more would fill the window of most models."""
_HEAD = 0.7


def bounded(text: str, limit: int = MAX_RESULT) -> str:
    """The beginning and the end of a long text, with a note of what is missing between."""
    if len(text) <= limit:
        return text
    head = int(limit * _HEAD)
    dropped = len(text) - limit
    return f"{text[:head]}\n[… {dropped:,} characters left out …]\n{text[head - limit :]}"
