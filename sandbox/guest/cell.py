"""One cell: code that runs in a namespace which lives on, and may have a value."""

from __future__ import annotations

import _ast
from typing import Any, Callable

_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, since Python 3.8
_ONLY_AST = 0x400
_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE

_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
_VALUE = "__sandcrew_value__"

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
    has_value = _keep_value(tree, source)
    code = compile(tree, name, "exec", _TOP_LEVEL_AWAIT, dont_inherit=True)
    # All of a cell is one piece: what it makes before it waits is made where it will wait.
    running = eval(code, namespace)  # noqa: S307, what a sandbox is for
    if code.co_flags & _IS_COROUTINE:
        wait(running)
    return namespace.pop(_VALUE, None) if has_value else None


def _keep_value(tree: Any, source: str) -> bool:
    """Turn a last expression into an assignment; false if there is none."""
    if not tree.body or not isinstance(tree.body[-1], _ast.Expr):
        return False
    last = tree.body[-1]
    if _ends_with_semicolon(last, source):
        return False
    place = {key: getattr(last, key) for key in _PLACE}
    name = _ast.Name(id=_VALUE, ctx=_ast.Store(), **place)
    tree.body[-1] = _ast.Assign(targets=[name], value=last.value, type_comment=None, **place)
    return True


def _ends_with_semicolon(statement: Any, source: str) -> bool:
    line, column = int(statement.end_lineno), int(statement.end_col_offset)
    return source.encode().splitlines()[line - 1][column:].lstrip().startswith(b";")
