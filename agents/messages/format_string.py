"""Format strings of structured messages, which a saved state may bring along."""

import re
from string import Formatter

_MOST_FIELDS = 100
_WIDEST = 1_000
_NUMBER = re.compile(r"\d+")


def checked_format(form: str) -> str:
    """The format string, if what it says is about as long as it and the content are.

    Raises
    ------
    ValueError
        It is none, reaches into the insides of Python, or would fill the memory.
    """
    fields = [
        (name, spec or "") for _, name, spec, _ in Formatter().parse(form) if name is not None
    ]
    if len(fields) > _MOST_FIELDS:
        raise ValueError(f"a format string has at most {_MOST_FIELDS} fields")
    for name, spec in fields:
        if "._" in name:
            raise ValueError(f"a format string cannot name {name!r}")
        too_wide = any(len(n) > 4 or int(n) > _WIDEST for n in _NUMBER.findall(spec))
        if too_wide or "{" in spec:
            raise ValueError(f"a format string cannot ask for the width {spec[:80]!r}")
    return form
