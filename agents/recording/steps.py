"""The steps of a run: who said something, and which code ran with what result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ...executors.block import CodeBlock
from ...sandbox.result import CodeResult
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
)


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said something."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """Code ran. It stands in what was said before, unless somebody changed it."""

    blocks: list[CodeBlock]
    result: CodeResult
    pictures: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """What it wrote that can be shown, by the names of the files."""


Step = Said | Ran


class StepReader:
    """Reads steps from the messages of a run, one message at a time."""

    def __init__(self) -> None:
        self.running: list[CodeBlock] | None = None
        """Code of which there is no result yet."""

    def read(self, item: object) -> Step | None:
        """The step that ``item`` tells of, if it does."""
        match item:
            case CodeGenerationEvent():
                self.running = item.code_blocks
                # Its own words, not those of another before.
                return _said(item) if item.models_usage is not None else None
            case CodeExecutionEvent():
                blocks, self.running = item.code_blocks or self.running or [], None
                return Ran(blocks, item.result)
            case BaseChatMessage() if item.models_usage or "exit_code" not in item.metadata:
                return _said(item)
            case _:
                return None  # the executor's report repeats the result; events come with a message


def steps_of(messages: Iterable[object], pictures: Mapping[str, bytes]) -> list[Step]:
    """The steps of a run that is over; of ``pictures`` each run has those it wrote."""
    reader = StepReader()
    read = [reader.read(message) for message in messages]
    return [_with(pictures, step) for step in read if step is not None]


def _with(pictures: Mapping[str, bytes], step: Step) -> Step:
    if isinstance(step, Said):
        return step
    written = {artifact.path for artifact in step.result.artifacts}
    return replace(step, pictures={name: pictures[name] for name in pictures if name in written})


def _said(item: BaseAgentEvent | BaseChatMessage) -> Said:
    return Said(item.source, item.to_text())
