"""The source text of one function, fit to stand in another module."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = ast.FunctionDef | ast.AsyncFunctionDef

OUR_DECORATOR = "with_requirements"
"""Taken off, for it has no meaning in the executor; other decorators stay."""


@dataclass(frozen=True, slots=True)
class FunctionSource:
    name: str
    text: str
    """Without indentation and without our own decorator."""
    stub: str
    """Signature and docstring only."""


def source_of_callable(func: Callable[..., Any]) -> FunctionSource:
    """The source of a function that was defined with ``def``, perhaps nested or decorated.

    Raises
    ------
    UsageError
        There is no such source, or the function uses variables of a function around it.
    """
    func = inspect.unwrap(func)
    code = getattr(func, "__code__", None)
    if code is not None and code.co_freevars:
        names = ", ".join(code.co_freevars)
        raise UsageError(
            f"{func.__qualname__} uses variables of the function around it ({names}); "
            "pass them as arguments, for the executor does not have them."
        )
    try:
        text = inspect.getsource(func)
    except (OSError, TypeError) as error:
        raise UsageError(f"The source of {func!r} cannot be had: {error}.") from error
    if code is None or code.co_name == "<lambda>":
        raise UsageError(f"{func!r} was not defined with 'def'.")
    return source_of_text(_outdented(text))


def source_of_text(text: str) -> FunctionSource:
    """The source of the one function in ``text``, which is parsed and not run.

    Raises
    ------
    UsageError
        The text is not one Python function.
    """
    text = textwrap.dedent(text)
    function = _parse(text)
    return FunctionSource(function.name, _without_our_decorator(text, function), _stub(function))


def _parse(text: str) -> _Function:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"A function's source cannot be parsed: {error}.") from error
    if len(statements) != 1 or not isinstance(statements[0], _Function):
        raise UsageError(
            f"A function's source has to be one 'def', this is not: {text.strip()[:80]!r}."
        )
    return statements[0]


def _outdented(text: str) -> str:
    """The text of a nested function at the margin, with the meaning it had.

    A string over several lines may hold spaces that are part of it, or text at the margin; then
    the function is printed anew, which loses its comments but changes no string.
    """
    if not text[:1].isspace():
        return text
    (block,) = ast.parse(f"if True:\n{text}").body
    meant = ast.Module(cast("ast.If", block).body, [])
    moved = textwrap.dedent(text)
    try:
        if ast.dump(ast.parse(moved)) == ast.dump(meant):
            return moved
    except SyntaxError:
        pass
    return ast.unparse(meant)


def _without_our_decorator(text: str, function: _Function) -> str:
    lines = text.splitlines()
    for decorator in reversed(function.decorator_list):
        if _name(decorator) == OUR_DECORATOR:
            del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines).strip()


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _stub(function: _Function) -> str:
    stub = copy.deepcopy(function)
    stub.decorator_list = []
    stub.body = [ast.Expr(ast.Constant(...))]
    docstring = ast.get_docstring(function)
    if docstring is not None:
        indented = textwrap.indent(docstring, "    ").lstrip()
        stub.body.insert(0, ast.Expr(ast.Constant(indented)))
    return ast.unparse(ast.fix_missing_locations(stub))
