"""JSON in what a model says."""

from typing import Any

from ...sandbox.errors import UsageError
from ..models.structured import find_objects


def extract_json_from_str(content: str) -> list[dict[str, Any]]:
    """Every outermost JSON object in ``content``; fences and prose around them are skipped.

    Raises
    ------
    UsageError
        There is none.
    """
    found = list(find_objects(content))
    if not found:
        raise UsageError("There is no JSON object in the text.")
    return found
