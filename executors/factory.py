"""Makes executors by name, importing only the one that is asked for."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import BackendUnavailable, UsageError
from .base import CodeExecutor

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from pathlib import Path

ENTRY_POINT_GROUP = "sandcrew.executors"

_BUILT_IN = {
    "jupyter": ".jupyter:JupyterCodeExecutor",
    "docker": ".docker:DockerCommandLineCodeExecutor",
    "local": ".local:LocalCommandLineCodeExecutor",
    "sandbox": ".sandbox:SandboxCodeExecutor",
}
_NOT_BUILT_YET = ("azure",)


def create_executor(name: str, **options: Any) -> CodeExecutor:
    """An executor that is not started yet.

    Parameters
    ----------
    name:
        ``"sandbox"``, ``"docker"``, ``"jupyter"``, ``"local"``, the name of an entry point in the
        group ``sandcrew.executors`` of an installed package, or ``"package.module:Class"``, which
        imports that module: never take such a name from someone you would not run code of.
    options:
        The arguments of the executor's class.

    Raises
    ------
    UsageError
        There is no such executor, or it does not take these options.
    BackendUnavailable
        The executor is planned but not part of this version.
    """
    executor_class = _find_class(name)
    try:
        inspect.signature(executor_class).bind(**options)
    except TypeError as error:
        raise UsageError(f"The executor {name!r} does not take these options: {error}.") from error
    return executor_class(**options)


def create_default_code_executor(work_dir: Path | str | None = None) -> CodeExecutor:
    """The executor for code nobody has read: the sandbox (AutoGen takes Docker or the host)."""
    return create_executor("sandbox", work_dir=work_dir)


def _find_class(name: str) -> type[CodeExecutor]:
    if name in _BUILT_IN:
        return _load(_BUILT_IN[name])
    plugins = _plugins()
    if name in plugins:
        return _checked(plugins[name].load(), name)
    if name in _NOT_BUILT_YET:
        raise BackendUnavailable(
            f"the {name} executor",
            why="it is not built yet",
            remedy="Use 'sandbox', which confines, or 'local', which does not.",
        )
    if ":" in name:
        return _load(name)
    known = ", ".join(sorted({*_BUILT_IN, *plugins}))
    raise UsageError(f"There is no executor {name!r}: take {known}, or 'package.module:Class'.")


def _load(target: str) -> type[CodeExecutor]:
    module, _, attribute = target.partition(":")
    try:
        package = __package__ if module.startswith(".") else None
        return _checked(getattr(import_module(module, package), attribute), target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"The executor {target!r} cannot be loaded: {error}.") from error


def _checked(found: object, name: str) -> type[CodeExecutor]:
    if isinstance(found, type) and issubclass(found, CodeExecutor):
        return found
    raise UsageError(f"The executor {name!r} is no class derived from CodeExecutor.")


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
