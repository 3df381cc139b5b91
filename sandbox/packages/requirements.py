"""What a caller may ask for: names and versions of packages, and nothing else.

A requirement ends up as an argument of an installer, and what it says may come from a file that
somebody else wrote. So the grammar is a small part of PEP 508, checked here and not by the
installer: a name, extras, and version specifiers (PEP 440). Whatever could name another source
of code than the user's index is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 256
_MOST = 500
_EXAMPLE = "write a name and versions, for example 'polars==1.*' or 'pandas[excel]>=2.2,<3'"

_NAME = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_NAME})\s*(?:\[(?P<extras>[a-z0-9._,\s-]*)\])?\s*(?P<specifiers>[~=!<>].*)?",
    re.ASCII | re.IGNORECASE,
)
_EXTRA = re.compile(_NAME, re.ASCII | re.IGNORECASE)
_SPECIFIER = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*([0-9a-z.!+*]+)", re.ASCII | re.IGNORECASE)
_VERSION = re.compile(
    r"(?:[0-9]+!)?(?P<release>[0-9]+(?:\.[0-9]+)*)(?P<further>(?:(?:a|b|rc)[0-9]+)?"
    r"(?:\.post[0-9]+)?(?:\.dev[0-9]+)?)(?P<local>\+[a-z0-9]+(?:\.[a-z0-9]+)*)?(?P<any>\.\*)?"
)

# In this order: the first that applies gives the reason.
_REFUSED: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("is longer than 256 characters", lambda text: len(text) > _LONGEST),
    ("has a line break or a control character", lambda text: not text.isprintable()),
    ("has characters other than ASCII", lambda text: not text.isascii()),
    ("is empty", lambda text: not text.strip()),
    ("is an option, and options belong to the installer", lambda t: t.lstrip().startswith("-")),
    ("names a URL", lambda text: "://" in text or "file:" in text.lower()),
    ("names a source with '@'", lambda text: "@" in text),
    ("is a path", lambda text: text.lstrip()[0] in "./~\\" or "/" in text or "\\" in text),
    ("has an environment marker (';')", lambda text: ";" in text),
    ("has a variable or a command in it", lambda text: any(sign in text for sign in "$%`{}|&")),
    ("has a comment or a hash ('#')", lambda text: "#" in text),
    ("has a quotation mark", lambda text: "'" in text or '"' in text),
)


def canonical_requirements(requirements: Sequence[str]) -> tuple[str, ...]:
    """The one way to write this set: names as in PEP 503, merged by name, sorted.

    Raises
    ------
    PolicyError
        One of them is not a name with versions; the message begins with it.
    """
    if isinstance(requirements, str) or not isinstance(requirements, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PolicyError(f"{requirements!r} is not a list of packages.")
    if not requirements or len(requirements) > _MOST:
        raise PolicyError(f"{len(requirements)} packages; name between 1 and {_MOST}.")
    merged: dict[str, tuple[set[str], set[str]]] = {}
    for requirement in requirements:
        name, extras, specifiers = _parse(requirement)
        known = merged.setdefault(name, (set(), set()))
        known[0].update(extras)
        known[1].update(specifiers)
    return tuple(_written(name, *parts) for name, parts in sorted(merged.items()))


def _written(name: str, extras: set[str], specifiers: set[str]) -> str:
    brackets = f"[{','.join(sorted(extras))}]" if extras else ""
    return name + brackets + ",".join(sorted(specifiers))


def _parse(text: object) -> tuple[str, list[str], list[str]]:
    if not isinstance(text, str):
        raise PolicyError(f"{text!r} is not text; {_EXAMPLE}.")
    for reason, applies in _REFUSED:
        if applies(text):
            raise PolicyError(f"{text[:_LONGEST]!r} {reason}; {_EXAMPLE}.")
    match = _REQUIREMENT.fullmatch(text.strip())
    if match is None:
        raise PolicyError(f"{text!r} is not a package; {_EXAMPLE}.")
    extras = match["extras"].split(",") if match["extras"] is not None else []
    specifiers = match["specifiers"].split(",") if match["specifiers"] else []
    try:
        return (
            _normalised(match["name"]),
            [_extra(extra.strip()) for extra in extras],
            [_specifier(specifier.strip()) for specifier in specifiers],
        )
    except ValueError as error:
        raise PolicyError(f"{text!r}: {error}; {_EXAMPLE}.") from None


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _extra(text: str) -> str:
    if not _EXTRA.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of an extra")
    return _normalised(text)


def _specifier(text: str) -> str:
    """``text`` in its canonical spelling; only such versions are taken (PEP 440)."""
    match = _SPECIFIER.fullmatch(text)
    version = _VERSION.fullmatch(match[2].lower()) if match else None
    if match is None or version is None:
        raise ValueError(f"{text!r} is not a version specifier of PEP 440")
    operator = match[1]
    if version["any"] and (operator not in ("==", "!=") or version["further"] or version["local"]):
        raise ValueError(f"{text!r}: '.*' goes with '==' or '!=' and a release only")
    if version["local"] and operator not in ("==", "!="):
        raise ValueError(f"{text!r}: a local version goes with '==' or '!=' only")
    if operator == "~=" and "." not in version["release"]:
        raise ValueError(f"{text!r}: '~=' needs two numbers at least")
    public, plus, local = version[0].partition("+")
    # 2024.01 and 2024.1 are the same version.
    return operator + re.sub(r"(?<![0-9])0+(?=[0-9])", "", public) + plus + local
