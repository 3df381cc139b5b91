"""JSON that a guest made: bounded in bytes, depth and the memory it takes, and never surprising.

Refused are numbers that cannot be had (``NaN``, ``1e999``, thousands of digits), objects with one
key twice, of which two readers may see two things, and what is no UTF-8. Half a pair of surrogates,
which no text can be written with, becomes U+FFFD.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn, cast

from .left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 4 << 20
DEEPEST = 100
"""Lists in lists (and objects): what handles values is often recursive."""
MOST_MEMORY = 40 << 20
"""Bytes that the value may take here."""

_MOST_PER_CHARACTER = 56
"""Bytes that one character of JSON becomes at worst: lists in lists, two characters each."""
_MOST_DIGITS = 4000
"""Of an integer: reading takes time by their square. ``sys.get_int_max_str_digits`` is 4300."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SLOT, _NUMBER, _STRING, _LIST, _OBJECT, _KEY = 12, 32, 64, 104, 200, 56
"""Bytes of CPython's objects, with what their allocator adds: of one more place in a list, of the
things themselves, and of one more key beside the first five."""


class _Refused(ValueError):
    """Something in it is refused; the message is the reason."""


def read_json(
    data: bytes | str,
    *,
    most_bytes: int = MOST_BYTES,
    deepest: int = DEEPEST,
    most_memory: int = MOST_MEMORY,
    of_python: bool = False,
) -> Any:
    """The value, or :class:`LeftOut`.

    ``of_python`` lets in what ``json.dumps`` writes of values of Python and others do not read:
    ``NaN``, infinities, half pairs of surrogates.
    """
    if len(data) > most_bytes:
        return LeftOut(f"it has more than {most_bytes:,} bytes of JSON")
    try:
        encoded = data.encode() if isinstance(data, str) else data
        if weigh(encoded, most_memory) > most_memory:
            return LeftOut(f"it would take more than {most_memory:,} bytes of memory")
        value = (_OF_PYTHON if of_python else _STRICT).decode(encoded.decode())
    except _Refused as refused:
        return LeftOut(str(refused))
    except (ValueError, RecursionError):  # UnicodeError is one of the first
        return LeftOut("it is no JSON")
    if encoded.count(b"[") + encoded.count(b"{") > deepest and not _is_shallow(value, deepest):
        return LeftOut(f"it is nested more than {deepest} levels deep")
    return value if of_python or b"\\u" not in encoded else without_surrogates(value)


def read_object(data: bytes | str, **bounds: Any) -> dict[str, Any] | LeftOut:
    """As :func:`read_json`, for what has to be an object."""
    value = read_json(data, **bounds)
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    return value if isinstance(value, LeftOut) else LeftOut("it is no JSON object")


def weigh(data: bytes, enough: int) -> int:
    """Bytes that the value of this JSON takes at most; exactness is given up below ``enough``."""
    at_worst = len(data) * _MOST_PER_CHARACTER
    if at_worst <= enough:
        return at_worst
    plain = data.isascii() and b"\\u" not in data
    commas, keys = data.count(b","), data.count(b":")
    lists, objects = data.count(b"["), data.count(b"{")
    return (
        2 * len(data) * (1 if plain else 4)  # once as text that is read
        + data.count(b'"') // 2 * _STRING
        + commas * _SLOT
        + (commas + lists + objects) * _NUMBER
        + lists * _LIST
        + objects * _OBJECT
        + max(keys - 5 * objects, 0) * _KEY
    )


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _Refused(f"it has an integer of more than {_MOST_DIGITS:,} digits")
    return int(text)


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Refused("it has a number that is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"it has {name}, which is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("it has an object with one key twice")
    return made


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_finite_float,
    parse_constant=_no_constant,
)
_OF_PYTHON = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _is_shallow(value: Any, deepest: int) -> bool:
    level = [value]
    for _ in range(deepest):
        level = [inner for item in level for inner in _items(item)]
        if not level:
            return True
    return False


def _items(value: Any) -> Iterable[Any]:
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    return value.values() if kind is dict else value if kind is list else ()


def without_surrogates(value: Any) -> Any:
    """A value of JSON, with U+FFFD for each half of a pair in its texts and keys."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        return _SURROGATE.sub("\ufffd", value)
    if kind is list:
        return [without_surrogates(item) for item in value]
    if kind is dict:  # of two keys that become one, neither of which was text, the later stays
        entries = ((without_surrogates(k), without_surrogates(v)) for k, v in value.items())
        return dict(entries)
    return value
