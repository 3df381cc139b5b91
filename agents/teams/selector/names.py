"""Finding members' names in what a model says."""

import re
from collections.abc import Sequence


def mentioned(text: str, names: Sequence[str]) -> list[str]:
    """The names that ``text`` holds as whole words, each once, as they are first mentioned.

    Models write ``code writer`` and ``code\\_writer`` for ``code_writer``, and use capitals as
    they like; capitals are ignored only if nothing fits otherwise.
    """
    if text.strip() in names:
        return [text.strip()]
    return _find(text, names, 0) or _find(text, names, re.IGNORECASE)


def _find(text: str, names: Sequence[str], flags: int) -> list[str]:
    found: list[tuple[int, str]] = []
    # Long names first, and what is found is blanked: "writer" is not in "code writer".
    for name in sorted(names, key=len, reverse=True):
        pattern = r"(?:\\_|_|\s)".join(re.escape(part) for part in name.split("_"))
        word = re.compile(rf"(?<!\w){pattern}(?!\w)", flags)
        match = word.search(text)
        if match:
            found.append((match.start(), name))
            text = word.sub(lambda m: " " * len(m.group()), text)
    return [name for _, name in sorted(found)]


def fill(prompt: str, **fields: str) -> str:
    """``prompt`` with its ``{fields}``; other braces in it stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda m: fields.get(m[1], m[0]), prompt)
