"""Functions of the caller that code blocks may import: AutoGen's names, without running text.

A function travels as source text. That text is only ever parsed here; it runs in the executor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeGuard, TypeVar

from .function_source import FunctionSource, source_of_callable, source_of_text

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Alias:
    """``import name as alias``, or one name of an :class:`ImportFromModule`."""

    name: str
    alias: str


@dataclass(frozen=True)
class ImportFromModule:
    """``from module import …``."""

    module: str
    imports: Sequence[str | Alias]


Import = str | ImportFromModule | Alias
"""An import the functions need at the top of their module; a string is ``import string``."""


@dataclass
class FunctionWithRequirements(Generic[T, P]):
    """A function with the packages and imports it needs; calling it calls the function here."""

    func: Callable[P, T]
    python_packages: Sequence[str] = field(default_factory=list[str])
    """Requirements as ``pip`` takes them."""
    global_imports: Sequence[Import] = field(default_factory=list[Import])

    @classmethod
    def from_callable(
        cls,
        func: Callable[P, T],
        python_packages: Sequence[str] = (),
        global_imports: Sequence[Import] = (),
    ) -> FunctionWithRequirements[T, P]:
        """Of a function whose source can be found, see :func:`inspect.getsource`."""
        return FunctionWithRequirements(func, python_packages, global_imports)

    @staticmethod
    def from_str(
        func: str,
        python_packages: Sequence[str] = (),
        global_imports: Sequence[Import] = (),
    ) -> FunctionWithRequirementsStr:
        """Of source text, which is parsed and not run."""
        return FunctionWithRequirementsStr(func, python_packages, global_imports)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.func(*args, **kwargs)


@dataclass
class FunctionWithRequirementsStr:
    """The source text of one function, with the packages and imports it needs.

    Raises
    ------
    UsageError
        The text is not one Python function.
    """

    func: str
    python_packages: Sequence[str] = field(default_factory=list[str])
    global_imports: Sequence[Import] = field(default_factory=list[Import])

    def __post_init__(self) -> None:
        self._source = source_of_text(self.func)

    @property
    def source(self) -> FunctionSource:
        return self._source


FuncSpec = FunctionWithRequirements[Any, ...] | Callable[..., Any] | FunctionWithRequirementsStr
"""What ``functions=`` takes."""


def with_requirements(
    python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
) -> Callable[[Callable[P, T]], FunctionWithRequirements[T, P]]:
    """Decorate a function with what it needs in an executor."""

    def decorate(func: Callable[P, T]) -> FunctionWithRequirements[T, P]:
        return FunctionWithRequirements(func, python_packages, global_imports)

    return decorate


def build_python_functions_file(funcs: Sequence[FuncSpec]) -> str:
    """The text of a module that has these functions.

    Raises
    ------
    UsageError
        The source of a function cannot be had, or uses variables around it.
    """
    imports = dict.fromkeys(
        _import_line(wanted) for func in filter(_has_needs, funcs) for wanted in func.global_imports
    )
    # Annotations stay text, so that the types they name need not be imported.
    head = "\n".join(["from __future__ import annotations", "", *imports])
    return "\n\n\n".join([head.strip(), *(source_of(func).text for func in funcs)]) + "\n"


def to_stub(func: FuncSpec) -> str:
    """The signature and docstring of a function, as a model is shown them."""
    return source_of(func).stub


def required_packages(funcs: Sequence[FuncSpec]) -> list[str]:
    """What ``pip`` would have to install for the functions, each once."""
    needy = filter(_has_needs, funcs)
    return list(dict.fromkeys(name for func in needy for name in func.python_packages))


def source_of(func: FuncSpec) -> FunctionSource:
    """The source of a function in any of its forms."""
    if isinstance(func, FunctionWithRequirementsStr):
        return func.source
    if isinstance(func, FunctionWithRequirements):
        return source_of_callable(func.func)
    return source_of_callable(func)


def _has_needs(
    func: FuncSpec,
) -> TypeGuard[FunctionWithRequirements[Any, ...] | FunctionWithRequirementsStr]:
    return isinstance(func, FunctionWithRequirements | FunctionWithRequirementsStr)


def _import_line(wanted: Import) -> str:
    if isinstance(wanted, ImportFromModule):
        return f"from {wanted.module} import {', '.join(map(_imported, wanted.imports))}"
    return f"import {_imported(wanted)}"


def _imported(name: str | Alias) -> str:
    return f"{name.name} as {name.alias}" if isinstance(name, Alias) else name
