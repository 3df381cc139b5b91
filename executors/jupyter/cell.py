"""One execution in a kernel: takes the kernel's messages, keeps what they say."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...sandbox.output import BoundedText
from ...sandbox.result import EXIT_CANCELLED, EXIT_TIMEOUT, OutputEvent
from .describe import describe, shown
from .messages import dicts_of, lines_of, text_of
from .outputs import Failed, Outputs, Shown, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...sandbox.output import Stream
    from .messages import Message

Reason = Literal["timeout", "cancelled"]
EXIT_INTERRUPTED = 130
MAX_PROMPT = 10_000
"""Characters of the prompt of ``input()``."""

_EXIT_CODES: dict[Reason, int] = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}
_COMMAND_FAILED = re.compile(
    r".*(?:returned non-zero exit status (?P<code>\d+)|died with <Signals\.\w+: (?P<signal>\d+)>)",
    re.DOTALL,
)


class Cell:
    """A cell that runs, or has run.

    Parameters
    ----------
    request:
        The id of the message that asked for it.
    limit:
        Characters of output to keep.
    shell:
        It is a ``%%bash`` cell, whose failure is an exit code and no exception.
    """

    def __init__(self, request: str, limit: int, *, shell: bool = False) -> None:
        self.request = request
        self.outputs = Outputs(limit)
        self.changed = asyncio.Event()
        """Set whenever there is something new."""
        self.begun = False
        self.idle = False
        self.reply: dict[str, Any] | None = None
        self.exiting = False
        """The kernel will end, because the code said so by ``exit()``."""
        self.reason: Reason | None = None
        """Why we end it, if we do."""
        self.asked: deque[tuple[str, bool]] = deque()
        """Prompts of ``input()`` to answer, and whether the answer is secret."""
        self._shell = shell
        self._told = BoundedText(limit)
        self._news: deque[tuple[Stream, list[str]]] = deque()

    @property
    def over(self) -> bool:
        """True when the kernel has answered and said that it is idle again."""
        return self.idle and self.reply is not None

    @property
    def count(self) -> int | None:
        """Which execution of the kernel it was, from 1."""
        count = (self.reply or {}).get("execution_count")
        return count if isinstance(count, int) and 0 <= count < 1 << 31 else None

    @property
    def exit_code(self) -> int:
        """0, the code's own, 1 for an exception, or that of the reason for which it was ended."""
        if self.reason is not None:
            return _EXIT_CODES[self.reason]
        reply = self.reply or {}
        if reply.get("status") == "ok":
            return 0
        return _exit_code(text_of(reply, "ename"), text_of(reply, "evalue"), shell=self._shell)

    def take(self, message: Message) -> None:
        """Take in one message that belongs to this cell."""
        handle = self._HANDLERS.get(message.kind)
        if handle is not None:
            handle(self, message.content)
            self.changed.set()

    def events(self) -> list[OutputEvent]:
        """What there is to stream on, as it comes."""
        found = [OutputEvent("".join(parts), stream) for stream, parts in self._news]
        self._news.clear()
        return found

    def last_events(self) -> list[OutputEvent]:
        """The same at the end: the tail, and how much was not told before it."""
        return [*self.events(), *self._told.rest()]

    def tell(self, text: str, stream: Stream) -> None:
        """Have this streamed on, if there is room for it."""
        text = self._told.append(text, stream)
        if text and self._news and self._news[-1][0] == stream:
            self._news[-1][1].append(text)
        elif text:
            self._news.append((stream, [text]))

    # --- messages, by type ---

    def _stream(self, content: dict[str, Any]) -> None:
        stream: Stream = "stderr" if content.get("name") == "stderr" else "stdout"
        text = text_of(content, "text")
        if text:
            self.outputs.printed(stream, text)
            self.tell(text, stream)

    def _display(self, content: dict[str, Any]) -> None:
        self._show(shown("display_data", content))

    def _value(self, content: dict[str, Any]) -> None:
        self._show(shown("execute_result", content))

    def _show(self, value: Shown | None) -> None:
        if value is None:
            self.outputs.dropped += 1
        elif self.outputs.shown(value):
            self.tell(describe(value), "stdout")

    def _update(self, content: dict[str, Any]) -> None:
        value = shown("display_data", content)
        if value is None or value.display_id is None:
            self.outputs.dropped += 1
        else:
            self.outputs.updated(value)  # one that an earlier cell displays stays as it was

    def _error(self, content: dict[str, Any]) -> None:
        name, value = text_of(content, "ename"), text_of(content, "evalue")
        lines = lines_of(content, "traceback")
        told = True
        if name == "SystemExit":  # no exception to whoever wrote sys.exit("why")
            told = not (value.isdecimal() or value in ("", "None", "True", "False"))
            lines = [value]
        elif name == "KeyboardInterrupt":
            told = self.reason is None
        elif self._shell:
            told = _COMMAND_FAILED.match(value) is None
        error = Failed(name, value, lines, told=told)
        self.outputs.failed(error)
        self.tell(error.text, "stderr")

    def _clear(self, content: dict[str, Any]) -> None:
        self.outputs.clear(wait=content.get("wait") is True)

    def _status(self, content: dict[str, Any]) -> None:
        self.idle = self.idle or content.get("execution_state") == "idle"

    def _begin(self, content: dict[str, Any]) -> None:
        self.begun = True

    def _reply(self, content: dict[str, Any]) -> None:
        if self.reply is not None:
            return
        self.reply = content
        for payload in dicts_of(content, "payload"):
            if payload.get("source") == "page":  # what "name?" shows
                self._show(shown("display_data", payload))
            elif payload.get("source") == "ask_exit":
                self.exiting = True

    def _ask(self, content: dict[str, Any]) -> None:
        prompt = text_of(content, "prompt")[:MAX_PROMPT]
        self.asked.append((plain(prompt), content.get("password") is True))

    _HANDLERS: ClassVar[dict[str, Callable[[Cell, dict[str, Any]], None]]] = {
        "stream": _stream,
        "display_data": _display,
        "execute_result": _value,
        "update_display_data": _update,
        "error": _error,
        "clear_output": _clear,
        "status": _status,
        "execute_input": _begin,
        "execute_reply": _reply,
        "input_request": _ask,
    }


def _exit_code(name: str, value: str, *, shell: bool) -> int:
    if name == "SystemExit":
        if value in ("", "None", "False"):
            return 0
        return int(value) & 0xFF if value.isdecimal() and len(value) < 20 else 1
    failed = _COMMAND_FAILED.match(value) if shell else None
    if failed:
        return int(failed["code"]) if failed["code"] else 128 + int(failed["signal"])
    return EXIT_INTERRUPTED if name == "KeyboardInterrupt" else 1
