"""The interface of a tool, and the bases for one's own."""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from pydantic import BaseModel, ValidationError

from ...sandbox.errors import UsageError
from ..runtime import CancellationToken
from ..runtime.image import Image
from .result import ImageResultContent, ResultContent, TextResultContent
from .schema import ToolSchema, parameters_schema

ArgsT = TypeVar("ArgsT", bound=BaseModel, contravariant=True)
ReturnT = TypeVar("ReturnT", bound=object, covariant=True)
StreamT = TypeVar("StreamT", bound=object, covariant=True)
StateT = TypeVar("StateT", bound=BaseModel)


@runtime_checkable
class Tool(Protocol):
    """Something a model can call."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def schema(self) -> ToolSchema: ...

    def args_type(self) -> type[BaseModel]: ...

    def return_type(self) -> type[Any]: ...

    def state_type(self) -> type[BaseModel] | None: ...

    def return_value_as_string(self, value: Any) -> str: ...

    async def run_json(
        self,
        args: Mapping[str, Any],
        cancellation_token: CancellationToken,
        call_id: str | None = None,
    ) -> Any: ...

    async def save_state_json(self) -> Mapping[str, Any]: ...

    async def load_state_json(self, state: Mapping[str, Any]) -> None: ...


@runtime_checkable
class StreamTool(Tool, Protocol):
    """A tool that tells what it does while it works."""

    def run_json_stream(
        self,
        args: Mapping[str, Any],
        cancellation_token: CancellationToken,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any, None]: ...


class BaseTool(ABC, Generic[ArgsT, ReturnT]):
    """The base for a tool of one's own: :meth:`run` is all it has to say.

    Parameters
    ----------
    args_type:
        The arguments, as a model whose fields have descriptions.
    return_type:
        What :meth:`run` gives.
    name, description:
        What a model is told.
    strict:
        Hold the model to the schema, where its server can; then every argument is required.
    """

    def __init__(
        self,
        args_type: type[ArgsT],
        return_type: type[ReturnT],
        name: str,
        description: str,
        strict: bool = False,
    ) -> None:
        self._args_type = args_type
        self._return_type = return_type
        self._name = name
        self._description = description
        self._strict = strict
        self._schema: ToolSchema | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def description(self) -> str:
        return self._description

    @property
    def schema(self) -> ToolSchema:
        if self._schema is None:
            self._schema = ToolSchema(
                name=self._name,
                description=self._description,
                parameters=parameters_schema(self._args_type, strict=self._strict),
                strict=self._strict,
            )
        return self._schema

    def args_type(self) -> type[BaseModel]:
        return self._args_type

    def return_type(self) -> type[Any]:
        return self._return_type

    def state_type(self) -> type[BaseModel] | None:
        return None

    def return_value_as_string(self, value: Any) -> str:
        """What the model is told of a value; JSON for a model of pydantic."""
        return json.dumps(value.model_dump(mode="json")) if _is_model(value) else str(value)

    def return_value_as_contents(self, value: Any) -> list[ResultContent]:
        """The same for models that can see: pictures, alone or in a list, stay what they are."""
        parts = cast("list[object]", value) if isinstance(value, list) else [value]
        if not any(isinstance(part, Image) for part in parts):
            return [TextResultContent(content=self.return_value_as_string(value))]
        return [
            ImageResultContent(content=part)
            if isinstance(part, Image)
            else TextResultContent(content=self.return_value_as_string(part))
            for part in parts
        ]

    @abstractmethod
    async def run(self, args: ArgsT, cancellation_token: CancellationToken) -> ReturnT:
        """Do it. What it raises, the model is told."""

    async def run_json(
        self,
        args: Mapping[str, Any],
        cancellation_token: CancellationToken,
        call_id: str | None = None,
    ) -> Any:
        """Do it, with arguments as a model gives them.

        Raises
        ------
        UsageError
            The arguments do not fit.
        """
        return await self.run(self._checked(args), cancellation_token)

    def _checked(self, args: Mapping[str, Any]) -> Any:
        try:
            return self._args_type.model_validate(args)
        except ValidationError as error:
            raise UsageError(_misfit(self._name, error)) from error

    async def save_state_json(self) -> Mapping[str, Any]:
        """Nothing is remembered by default."""
        return {}

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered by default."""


class BaseStreamTool(BaseTool[ArgsT, ReturnT], ABC, Generic[ArgsT, StreamT, ReturnT]):
    """A tool that tells what it does while it works; what it gives comes last."""

    @abstractmethod
    def run_stream(
        self, args: ArgsT, cancellation_token: CancellationToken
    ) -> AsyncGenerator[StreamT | ReturnT, None]:
        """Do it, and tell; the result comes last."""

    async def run_json_stream(
        self,
        args: Mapping[str, Any],
        cancellation_token: CancellationToken,
        call_id: str | None = None,
    ) -> AsyncGenerator[StreamT | ReturnT, None]:
        """Do it, with arguments as a model gives them.

        Raises
        ------
        UsageError
            The arguments do not fit.
        """
        async with aclosing(self.run_stream(self._checked(args), cancellation_token)) as items:
            async for item in items:
                yield item


class BaseToolWithState(BaseTool[ArgsT, ReturnT], ABC, Generic[ArgsT, ReturnT, StateT]):
    """A tool that remembers."""

    def __init__(
        self,
        args_type: type[ArgsT],
        return_type: type[ReturnT],
        state_type: type[StateT],
        name: str,
        description: str,
    ) -> None:
        super().__init__(args_type, return_type, name, description)
        self._state_type = state_type

    def state_type(self) -> type[BaseModel] | None:
        return self._state_type

    @abstractmethod
    def save_state(self) -> StateT: ...

    @abstractmethod
    def load_state(self, state: StateT) -> None: ...

    async def save_state_json(self) -> Mapping[str, Any]:
        return self.save_state().model_dump(mode="json")

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        self.load_state(self._state_type.model_validate(state))


def _is_model(value: object) -> bool:
    return isinstance(value, BaseModel)


def _misfit(name: str, error: ValidationError) -> str:
    """Which arguments are wrong, in few words: a model reads this."""
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'arguments'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )
    return f"The arguments do not fit the tool {name}: {faults}"
