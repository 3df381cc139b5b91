"""Running code as a tool, in any executor."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from ...executors.base import CodeExecutor
from ...executors.block import CodeBlock
from ...sandbox.errors import BackendCrashed
from ...sandbox.result import CodeResult, OutputEvent
from ..messages import CodeOutputEvent
from ..runtime import CancellationToken
from ..runtime.image import Image
from .base import BaseStreamTool
from .result import ImageResultContent, ResultContent, TextResultContent


class CodeExecutionInput(BaseModel):
    """What the model has to say."""

    model_config = ConfigDict(defer_build=True)

    code: str = Field(description="The contents of the Python code block that should be executed")


class CodeExecutionResult(BaseModel):
    """What came out."""

    model_config = ConfigDict(defer_build=True)

    success: bool = Field(description="True if the code ran to its end without an error")
    output: str = Field(description="What the code printed")
    report: str = Field(default="", description="What the executor says about it")
    images: list[Image] = Field(default_factory=list[Image], exclude=True)
    """What the code displayed."""


class PythonCodeExecutionTool(
    BaseStreamTool[CodeExecutionInput, CodeOutputEvent, CodeExecutionResult]
):
    """Runs Python code, and tells what it prints. The caller owns the executor and stops it.

    Parameters
    ----------
    executor:
        Where the code runs.
    """

    def __init__(self, executor: CodeExecutor) -> None:
        super().__init__(
            CodeExecutionInput, CodeExecutionResult, "CodeExecutor", "Execute Python code blocks."
        )
        self._executor = executor

    async def run(
        self, args: CodeExecutionInput, cancellation_token: CancellationToken
    ) -> CodeExecutionResult:
        async with aclosing(self.run_stream(args, cancellation_token)) as items:
            async for item in items:
                if isinstance(item, CodeExecutionResult):
                    return item
        raise AssertionError("run_stream() ends with a result or raises")

    async def run_stream(
        self, args: CodeExecutionInput, cancellation_token: CancellationToken
    ) -> AsyncGenerator[CodeOutputEvent | CodeExecutionResult, None]:
        # Brings the agent that runs code, which a program with this tool does not need otherwise.
        from ..coding.report import remarks

        blocks = [CodeBlock(code=args.code, language="python")]
        result: CodeResult | None = None
        stream = self._executor.stream(blocks, cancellation_token)
        async with aclosing(cast("AsyncGenerator[object, None]", stream)) as events:
            async for event in events:
                if isinstance(event, CodeResult):
                    result = event
                elif isinstance(event, OutputEvent):
                    yield CodeOutputEvent(content=event.text, stream=event.stream, source=self.name)
        if result is None:
            raise BackendCrashed(f"{type(self._executor).__name__} ended without a result.")
        yield CodeExecutionResult(
            success=result.exit_code == 0,
            output=result.output,
            report="\n".join(remarks(result)),
            images=_pictures(result),
        )

    def return_value_as_contents(self, value: Any) -> list[ResultContent]:
        images = value.images if isinstance(value, CodeExecutionResult) else []
        text = TextResultContent(content=self.return_value_as_string(value))
        return [text, *(ImageResultContent(content=image) for image in images)]


def _pictures(result: CodeResult) -> list[Image]:
    """What the code displayed, in the form that models can see."""
    found = (str(output.data.get("image/png", "")) for output in result.outputs)
    return [Image(data=data) for data in found if data]
