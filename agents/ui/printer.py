"""Prints messages and events, each in its way."""

import time

from rich.console import Console
from rich.text import Text

from ...sandbox.intake.code_text import lines_of, shown_prose
from ...sandbox.intake.terminal import clean_line
from ..base.chat_agent import Response
from ..base.task import TaskResult
from ..messages import (
    ApprovalRequestEvent,
    ApprovalResponseEvent,
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    CodeOutputEvent,
    ModelClientStreamingChunkEvent,
    MultiModalMessage,
    RetryDecisionEvent,
    ThoughtEvent,
    ToolCallExecutionEvent,
    UserInputRequestedEvent,
)
from ..models.usage import RequestUsage
from .elapsed import Elapsed
from .gallery import Gallery
from .output import OutputWriter
from .prose import MarkdownWriter
from .result import describe
from .style import SpeakerColors, signs_for

Entry = BaseAgentEvent | BaseChatMessage

_MAX_RULE = 100  # columns
_MAX_REMEMBERED = 500_000  # characters


class Printer:
    """Prints one run."""

    def __init__(
        self, console: Console, *, output_stats: bool = False, pictures: Gallery | None = None
    ) -> None:
        self._console = console
        self._output_stats = output_stats
        self._signs = signs_for(console)
        self._pictures = pictures or Gallery(console, self._signs)
        self.elapsed = Elapsed(console, self._signs)
        self._colors = SpeakerColors()
        self._started = time.monotonic()
        self._speaker: str | None = None
        self._usage = RequestUsage(0, 0)
        self._said = ""
        """All text shown so far without white space, to know code that was shown before."""
        self._stream: MarkdownWriter | None = None
        self._streamed: set[str] = set()
        """Ids of the messages whose pieces were shown (of agents that give none: their names)."""
        self._streamed_thought = False
        self._output: OutputWriter | None = None
        self._reported: str | None = None
        """Who has just run code: its report repeats what is on the screen."""

    def show(self, entry: Entry) -> None:
        """Print one message or event."""
        self.elapsed.stop()
        if entry.models_usage is not None:
            self._usage += entry.models_usage
        match entry:
            case ModelClientStreamingChunkEvent():
                self._show_chunk(entry)
            case CodeOutputEvent():
                self._show_output(entry)
            case _:
                self._show_whole(entry)
        if self._output_stats and entry.models_usage is not None:
            self._note(_tokens(entry.models_usage), "dim")
        asks = isinstance(entry, UserInputRequestedEvent | ApprovalRequestEvent)
        if not asks and (self._output is None or self._output.at_line_start):
            self.elapsed.start()

    def _show_whole(self, entry: Entry) -> None:
        self._end_stream()
        streamed_output = self._end_output()
        match entry:
            case ThoughtEvent():
                self._show_thought(entry)
            case CodeGenerationEvent():
                self._show_generation(entry)
            case CodeExecutionEvent():
                self._show_execution(entry, streamed_output)
            case ApprovalRequestEvent() | ApprovalResponseEvent() | RetryDecisionEvent():
                self._show_decision(entry)
            case UserInputRequestedEvent():
                self._header(entry.source)
            case BaseChatMessage():
                self._show_message(entry)
            case ToolCallExecutionEvent():
                self._header(entry.source)
                self._note(f"{type(entry).__name__}: {clean_line(entry.to_text())}", "dim")
                for result in entry.content:
                    self._pictures.show_images(result.images)
            case _:
                self._header(entry.source)
                self._note(f"{type(entry).__name__}: {clean_line(entry.to_text())}", "dim")

    def show_result(self, result: TaskResult | Response) -> None:
        """Print how it ended."""
        if isinstance(result, Response):
            self.show(result.chat_message)
            usage, reason = self._usage, None
        else:
            usage, reason = result.usage, result.stop_reason
        self.elapsed.stop()
        self._end_stream()
        self._end_output()
        parts = [clean_line(reason)] if reason else []
        parts += [_tokens(usage), f"{time.monotonic() - self._started:.1f} s"]
        self._console.print()
        self._rule("done", "dim")
        self._note(f" {self._signs.dot} ".join(parts), "dim")

    def _show_chunk(self, chunk: ModelClientStreamingChunkEvent) -> None:
        if self._stream is None or chunk.source != self._speaker:
            self._end_stream()
            self._header(chunk.source, gap=True)
            self._stream = MarkdownWriter(self._console, self._signs)
        self._streamed.add(chunk.full_message_id or chunk.source)
        self._streamed_thought |= "<think>" in chunk.content
        self._stream.feed(chunk.content)

    def _end_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.finish()

    def _show_message(self, message: BaseChatMessage) -> None:
        repeats = self._reported == message.source and "exit_code" in message.metadata
        self._reported = None
        if repeats and message.models_usage is None:
            return
        self._show_markdown(message, message.to_text())
        if isinstance(message, MultiModalMessage):
            self._pictures.show_images(message.content)

    def _show_markdown(self, entry: Entry, text: str) -> None:
        self._said = (self._said + "".join(text.split()))[-_MAX_REMEMBERED:]
        if not self._streamed.isdisjoint((entry.id, entry.source)):
            self._streamed -= {entry.id, entry.source}
            return
        self._header(entry.source, gap=True)
        writer = MarkdownWriter(self._console, self._signs)
        writer.feed(text)
        writer.finish()

    def _show_thought(self, thought: ThoughtEvent) -> None:
        if self._streamed_thought:
            self._streamed_thought = False
            return
        self._header(thought.source)
        self._console.print(Text(shown_prose(thought.content), style="dim italic"))

    def _show_generation(self, event: CodeGenerationEvent) -> None:
        shown = all("".join(block.code.split()) in self._said for block in event.code_blocks)
        if not (shown and event.models_usage is None):
            self._show_markdown(event, event.content)
        self._header(event.source, gap=True)
        lines = sum(len(lines_of(block.code)) for block in event.code_blocks)
        languages = ", ".join(dict.fromkeys(block.language for block in event.code_blocks))
        attempt = f", attempt {event.retry_attempt + 1}" if event.retry_attempt else ""
        what = f"{clean_line(languages)}, {lines} line{'s' if lines != 1 else ''}{attempt}"
        self._note(f"{self._signs.run} {what}", "bold")

    def _show_output(self, event: CodeOutputEvent) -> None:
        self._end_stream()
        if self._output is None:
            self._header(event.source)
            self._output = OutputWriter(self._console, self._signs)
        self._output.feed(event.content, event.stream)

    def _end_output(self) -> bool:
        """True when the output was shown as it was printed."""
        output, self._output = self._output, None
        if output is not None:
            output.finish()
        return output is not None

    def _show_execution(self, event: CodeExecutionEvent, streamed: bool) -> None:
        self._header(event.source)
        if event.result.output and not streamed:
            # An executor that does not stream, or code that was refused.
            output = OutputWriter(self._console, self._signs)
            output.feed(event.result.output, "stdout")
            output.finish()
        for text in describe(event.result, self._signs):
            self._console.print(text, soft_wrap=True)
        self._pictures.show_result(event.result)
        self._reported = event.source

    def _show_decision(
        self, event: ApprovalRequestEvent | ApprovalResponseEvent | RetryDecisionEvent
    ) -> None:
        self._header(event.source)
        match event:
            case ApprovalRequestEvent():
                count = len(event.code_blocks)
                what = "this code block" if count == 1 else f"these {count} code blocks"
                self._note(f"{self._signs.ask} May {what} run?", "bold yellow")
            case ApprovalResponseEvent(approved=True):
                self._note(f"{self._signs.ok} approved: {clean_line(event.reason)}", "green")
            case ApprovalResponseEvent():
                self._note(f"{self._signs.bad} refused: {clean_line(event.reason)}", "red")
            case RetryDecisionEvent(retry=True):
                self._note(f"{self._signs.retry} again: {clean_line(event.reason)}", "yellow")
            case RetryDecisionEvent():
                self._note(f"{self._signs.bad} gives up: {clean_line(event.reason)}", "red")

    def _header(self, speaker: str, *, gap: bool = False) -> None:
        """Say who speaks, if it is somebody else than before; else leave a ``gap``."""
        if speaker == self._speaker:
            if gap:
                self._console.print()
        else:
            self._speaker = speaker
            self._console.print()
            self._rule(clean_line(speaker), f"bold {self._colors[speaker]}")

    def _rule(self, title: str, style: str) -> None:
        rule = self._signs.rule
        text = Text().append(f"{rule}{rule} ", style="dim").append(title, style=style)
        if self._console.is_terminal:
            rest = min(self._console.width, _MAX_RULE) - text.cell_len - 1
            text.append(f" {rule * rest}", style="dim")
        self._console.print(text, no_wrap=True, overflow="crop", crop=True)

    def _note(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style), soft_wrap=not self._console.is_terminal)


def _tokens(usage: RequestUsage) -> str:
    text = f"{usage.prompt_tokens:,} tokens in, {usage.completion_tokens:,} out"
    if usage.cached_tokens:
        text += f", {usage.cached_tokens:,} cached"
    if usage.reasoning_tokens:
        text += f", {usage.reasoning_tokens:,} thought"
    if usage.cost is not None:
        text += f", cost {usage.cost:.4g}"
    return text
