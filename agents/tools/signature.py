"""From the signature of a function to the model of its arguments."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model

from ...sandbox.errors import UsageError

TOKEN = "cancellation_token"  # noqa: S105 (a parameter's name)


def name_of(func: Callable[..., Any]) -> str:
    """What a function is called; the function in a partial, the class of a callable object."""
    func = _whole(func)
    return getattr(func, "__name__", type(func).__name__)


def signature_of(func: Callable[..., Any], name: str) -> inspect.Signature:
    """The signature, with types instead of their text.

    Raises
    ------
    UsageError
        A type cannot be resolved, or a parameter has no place in JSON.
    """
    try:
        signature = inspect.signature(func)
        hints = get_type_hints(_typed(func), include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        raise UsageError(
            f"The types of {name}'s parameters cannot be found out: {error}. Define them where "
            "the function can see them."
        ) from error
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(
                f"{name} takes {parameter}; a tool's parameters need names, so that a model can "
                "give them."
            )
    parameters = [p.replace(annotation=hints.get(p.name, Any)) for p in _parameters(signature)]
    return signature.replace(parameters=parameters, return_annotation=hints.get("return", Any))


def arguments_model(signature: inspect.Signature, name: str) -> type[BaseModel]:
    """The arguments a model gives.

    Raises
    ------
    UsageError
        A parameter's type is nothing JSON can say.
    """
    fields: dict[str, Any] = {
        field_name(p.name): (_described(p.annotation), _field(p))
        for p in signature.parameters.values()
        if p.name != TOKEN
    }
    # Unknown arguments are a mistake of the model that it wants to hear of.
    config = ConfigDict(extra="forbid", protected_namespaces=())
    try:
        return create_model(f"{name}args", __config__=config, **fields)
    except PydanticUserError as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"The parameters of {name} cannot be given by a model: {reason}"
        ) from error


def field_name(parameter: str) -> str:
    """The field for a parameter; pydantic reserves some names."""
    if parameter.startswith("_") or hasattr(BaseModel, parameter):
        return f"{parameter.lstrip('_')}_argument"
    return parameter


def _typed(func: Callable[..., Any]) -> Callable[..., Any]:
    """The object that carries the annotations."""
    func = _whole(func)
    return func if inspect.isroutine(func) else getattr(func, "__call__")  # noqa: B004, B009


def _whole(func: Any) -> Any:
    """The function in a partial."""
    while isinstance(func, functools.partial):
        func = cast("Any", func).func
    return func


def _parameters(signature: inspect.Signature) -> list[inspect.Parameter]:
    return list(signature.parameters.values())


def _field(parameter: inspect.Parameter) -> Any:
    default = ... if parameter.default is parameter.empty else parameter.default
    if field_name(parameter.name) == parameter.name:
        return default
    return Field(default, alias=parameter.name)


def _described(annotation: Any) -> Any:
    """``Annotated[T, "text"]``: the text is the description."""
    if get_origin(annotation) is not Annotated:
        return annotation
    inner, *metadata = get_args(annotation)
    for extra in metadata:
        # Field(…) and constraints are pydantic's already.
        inner = Annotated[inner, Field(description=extra) if isinstance(extra, str) else extra]
    return inner
