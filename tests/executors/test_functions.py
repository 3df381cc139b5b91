"""Functions of the caller as text: what travels, and that none of it runs here."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from sandcrew.executors import (
    Alias,
    FuncSpec,
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    Import,
    ImportFromModule,
    LocalCommandLineCodeExecutor,
    UsageError,
    build_python_functions_file,
    to_stub,
    with_requirements,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def plain(number: int, *, factor: int = 2) -> int:
    """Multiply.

    Exactly.
    """
    # A comment that stays.
    return number * factor


def loaded(module: str, name: str) -> Callable[..., object]:
    """The function as the executor would have it."""
    namespace: dict[str, Callable[..., object]] = {}
    exec(module, namespace)
    return namespace[name]


def test_a_function_travels_with_its_comments() -> None:
    module = build_python_functions_file([plain])
    assert "# A comment that stays." in module
    assert loaded(module, "plain")(21) == 42


def test_the_stub_has_signature_and_docstring_only() -> None:
    assert to_stub(plain) == (
        "def plain(number: int, *, factor: int=2) -> int:\n"
        '    """Multiply.\n\n    Exactly."""\n'
        "    ..."
    )


def test_a_nested_function_is_moved_to_the_margin() -> None:
    def nested(x: int) -> int:
        return x + 1

    module = build_python_functions_file([nested])
    assert "\ndef nested" in module
    assert loaded(module, "nested")(1) == 2


def test_a_nested_function_keeps_strings_that_reach_over_lines() -> None:
    def nested() -> str:
        return """a
b
        c"""

    module = build_python_functions_file([nested])
    assert loaded(module, "nested")() == "a\nb\n        c"


def test_other_decorators_stay_and_ours_goes() -> None:
    @with_requirements(global_imports=["functools"])
    @functools.lru_cache(maxsize=None)  # noqa: UP033
    def cached(x: int) -> int:
        return x

    module = build_python_functions_file([cached])
    assert "with_requirements" not in module
    assert "@functools.lru_cache" in module
    assert loaded(module, "cached")(3) == 3


def test_an_async_function_stays_async() -> None:
    async def fetch(url: str) -> str:
        return url

    assert to_stub(fetch) == "async def fetch(url: str) -> str:\n    ..."


def test_a_function_with_requirements_can_be_called_here() -> None:
    assert FunctionWithRequirements.from_callable(plain, ["numpy"])(4) == 8


def test_imports_are_written_once_and_first() -> None:
    imports: list[Import] = [
        "math",
        Alias("json", "j"),
        ImportFromModule("os", ["sep", Alias("path", "p")]),
    ]
    functions: list[FuncSpec] = [FunctionWithRequirements.from_callable(plain, [], imports)] * 2
    head = build_python_functions_file(functions).split("\n\n\n")[0]
    assert head.splitlines()[-3:] == [
        "import math",
        "import json as j",
        "from os import sep, path as p",
    ]


def test_annotations_need_not_be_imported() -> None:
    function = FunctionWithRequirements.from_str("def f(x: DataFrame) -> None:\n    return None")
    assert loaded(build_python_functions_file([function]), "f")(1) is None


def test_text_is_parsed_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    text = f"def f(x=open({str(trap)!r}, 'w')):\n    pass"
    function = FunctionWithRequirements.from_str(text)
    assert isinstance(function, FunctionWithRequirementsStr)
    assert to_stub(function).startswith("def f(x=open(")
    assert "def f" in build_python_functions_file([function])
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "def", "x = 1", "def f(): pass\ndef g(): pass", "\0"])
def test_text_that_is_not_one_function_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        FunctionWithRequirements.from_str(text)


def test_a_function_that_needs_its_surroundings_is_refused() -> None:
    secret = 1

    def closure() -> int:
        return secret

    with pytest.raises(UsageError, match="secret"):
        build_python_functions_file([closure])


@pytest.mark.parametrize("function", [len, functools.partial(print), lambda: 1])
def test_what_was_not_defined_with_def_is_refused(function: Callable[..., object]) -> None:
    with pytest.raises(UsageError):
        build_python_functions_file([function])


def make(*functions: Callable[..., object], **options: str) -> LocalCommandLineCodeExecutor:
    with pytest.warns(UserWarning, match="all your rights"):
        return LocalCommandLineCodeExecutor(functions=functions, **options)  # type: ignore[arg-type]


def test_the_prompt_names_the_module_and_shows_the_stubs() -> None:
    prompt = make(plain, functions_module="skills").format_functions_for_prompt()
    assert "from skills import" in prompt
    assert to_stub(plain) in prompt


def test_the_prompt_s_template_is_the_caller_s_to_choose() -> None:
    executor = make(plain)
    assert executor.format_functions_for_prompt("$module_name costs $5") == "functions costs $5"
    assert make().format_functions_for_prompt() == ""


@pytest.mark.parametrize("name", ["", "a.b", "../a", "class"])
def test_the_module_s_name_is_an_identifier(name: str) -> None:
    with pytest.raises(UsageError):
        make(plain, functions_module=name)
