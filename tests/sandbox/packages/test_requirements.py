"""A requirement is a name with versions; what could name other code is refused, with the reason."""

from __future__ import annotations

import pytest

from sandcrew.sandbox import PolicyError
from sandcrew.sandbox.packages import canonical_requirements

HOSTILE = {
    "-r requirements.txt": "is an option",
    "--index-url=x": "is an option",
    "  --pre": "is an option",
    "-e .": "is an option",
    "https://127.0.0.1/a.whl": "names a URL",
    "git+ssh://host/x": "names a URL",
    "a @ file:///etc/passwd": "names a URL",
    "a@file:x": "names a URL",
    "FILE:x": "names a URL",
    "a @ b": "names a source",
    "./a": "is a path",
    "..": "is a path",
    "/tmp/a.whl": "is a path",
    "~/a": "is a path",
    "a\\b": "is a path",
    "sub/a": "is a path",
    "a; python_version > '3'": "environment marker",
    "${HOME}": "variable",
    "$HOME": "variable",
    "%PATH%": "variable",
    "`id`": "variable",
    "a|b": "variable",
    "a&b": "variable",
    "a # b": "comment",
    "a==1 --hash=sha256:00": "not a version specifier",
    "a --no-binary=:all:": "is not a package",
    "a\n--pre": "line break",
    "a\r": "line break",
    "a\0": "line break",
    "a\x1b[2J": "line break",
    "a\u2028b": "line break",
    "pаndas": "other than ASCII",  # noqa: RUF001 (a Cyrillic letter is the point)
    "a==\u0661": "other than ASCII",
    "": "is empty",
    "   ": "is empty",
    "a" * 257: "longer than",
    "a b": "is not a package",
    "a,b": "is not a package",
    "_a": "is not a package",
    "a-": "is not a package",
    "a(>=1)": "is not a package",
    '"a"': "quotation",
    "[x]": "is not a package",
    "a[": "is not a package",
    "a[]": "extra",
    "a[x,]": "extra",
    "a[-x]": "extra",
    "a==": "specifier",
    "a===1": "specifier",
    "a=1": "specifier",
    "a>1,": "specifier",
    "a>1;": "marker",
    "a==1.0-beta": "specifier",
    "a>=1.*": "'==' or '!='",
    "a==1.0a1.*": "'==' or '!='",
    "a~=1": "two numbers",
    "a>=1+cpu": "local version",
    "a==*": "specifier",
    "a==1.*.*": "specifier",
}


@pytest.mark.parametrize("requirement", HOSTILE, ids=repr)
def test_what_is_not_a_name_with_versions_is_refused_with_the_reason(requirement: str) -> None:
    with pytest.raises(PolicyError) as error:
        canonical_requirements([requirement])
    assert HOSTILE[requirement] in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("value", ["polars", 3, None, [], [3], [None], ["a"] * 501])
def test_what_is_not_a_list_of_packages_is_refused(value: object) -> None:
    with pytest.raises(PolicyError):
        canonical_requirements(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        (["Polars==1.*"], ("polars==1.*",)),
        (["zope.interface", "A_B--c"], ("a-b-c", "zope-interface")),
        ([" pandas [Excel, aws] >= 2.2 , < 3 "], ("pandas[aws,excel]<3,>=2.2",)),
        (["a>=1", "A<2", "a"], ("a<2,>=1",)),
        (["a[x]", "a[y]==1!2.0rc1.post2.dev3"], ("a[x,y]==1!2.0rc1.post2.dev3",)),
        (["torch==2.1.0+CPU"], ("torch==2.1.0+cpu",)),
        (["tzdata==2024.01"], ("tzdata==2024.1",)),
        (["a~=1.0", "b!=0.0.*"], ("a~=1.0", "b!=0.0.*")),
    ],
)
def test_each_set_is_written_in_one_way(written: list[str], canonical: tuple[str, ...]) -> None:
    assert canonical_requirements(written) == canonical
    assert canonical_requirements(list(reversed(written))) == canonical
    assert canonical_requirements(canonical) == canonical
