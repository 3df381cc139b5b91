"""One cell: code that runs in a namespace which lives on, and may have a value."""

from __future__ import annotations

import _ast
from typing import Any, Callable

_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, since Python 3.8
_ONLY_AST = 0x400
_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE

Wait = Callable[[Any], Any]


def execute(source: str, name: str, namespace: dict[str, Any], wait: Wait) -> Any:
    """Run ``source`` and return the value of its last expression, ``None`` if it has none.

    ``wait`` runs a coroutine to its end, for ``await`` at the top level. A last expression that
    is followed by a semicolon has no value, as in a notebook.

    Raises
    ------
    BaseException
        Whatever the code raises.
    """
    tree = compile(source, name, "exec", _ONLY_AST | _TOP_LEVEL_AWAIT, dont_inherit=True)
    last = _take_last_expression(tree, source)
    _evaluate(compile(tree, name, "exec", _TOP_LEVEL_AWAIT, True), namespace, wait)
    if last is None:
        return None
    return _evaluate(compile(last, name, "eval", _TOP_LEVEL_AWAIT, True), namespace, wait)


def _take_last_expression(tree: Any, source: str) -> Any:
    if not tree.body or not isinstance(tree.body[-1], _ast.Expr):
        return None
    if _ends_with_semicolon(tree.body[-1], source):
        return None
    return _ast.Expression(tree.body.pop().value)


def _ends_with_semicolon(statement: Any, source: str) -> bool:
    line, column = int(statement.end_lineno), int(statement.end_col_offset)
    return source.encode().splitlines()[line - 1][column:].lstrip().startswith(b";")


def _evaluate(code: Any, namespace: dict[str, Any], wait: Wait) -> Any:
    value = eval(code, namespace)  # noqa: S307, what a sandbox is for
    return wait(value) if code.co_flags & _IS_COROUTINE else value
