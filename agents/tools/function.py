"""A plain function as a tool."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from pydantic import BaseModel

from ..runtime import CancellationToken
from ..runtime.threads import in_thread, is_async
from .base import BaseTool
from .signature import TOKEN, arguments_model, field_name, name_of, signature_of


class FunctionTool(BaseTool[BaseModel, Any]):
    """Calls a function of yours.

    The arguments are what its signature says: types, defaults, and descriptions from
    ``Annotated[str, "…"]``. A parameter ``cancellation_token`` is given the token and not shown
    to the model. A function that is not async is called in a thread, so that nothing waits for it.

    Parameters
    ----------
    func:
        The function.
    description:
        What it does.
    name:
        Default: the function's own.
    global_imports:
        AutoGen's; of no use here, where no tool is ever made from text.
    strict:
        Hold the model to the schema; then every argument is required.

    Raises
    ------
    UsageError
        A parameter is nothing a model can give.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        description: str,
        name: str | None = None,
        global_imports: Sequence[Any] = (),
        strict: bool = False,
    ) -> None:
        name = name or name_of(func)
        self._func = func
        self._signature = signature_of(func, name)
        returns = self._signature.return_annotation
        super().__init__(
            arguments_model(self._signature, name),
            returns if isinstance(returns, type) else object,
            name,
            description,
            strict,
        )

    async def run(self, args: BaseModel, cancellation_token: CancellationToken) -> Any:
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, parameter in self._signature.parameters.items():
            value = (
                cancellation_token if name == TOKEN else getattr(args, field_name(parameter.name))
            )
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[name] = value
        if is_async(self._func):
            return await cast("Callable[..., Awaitable[Any]]", self._func)(*positional, **named)
        value = await in_thread(lambda: self._func(*positional, **named))
        # A plain function may give an awaitable, as a partial or a lambda does.
        return await value if inspect.isawaitable(value) else value
