"""A scripted model server on loopback: OpenAI's chat completions over real HTTP and SSE.

Each request takes the next step of the script. A step says how to answer: with text, an error, a
cut in the middle, nonsense, or not at all.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

PIECE = 7
"""Characters in one streamed piece."""


@dataclass(frozen=True)
class Says:
    """A complete answer."""

    text: str
    thought: str | None = None
    usage: dict[str, Any] = field(
        default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    )
    tool_calls: tuple[tuple[str, str, str], ...] = ()
    """(id, name, arguments)"""


@dataclass(frozen=True)
class Fails:
    """An error of the server."""

    status: int
    message: str = "scripted failure"
    headers: tuple[tuple[str, str], ...] = (("retry-after-ms", "1"),)
    code: str | None = None


@dataclass(frozen=True)
class Cuts:
    """Half an answer, and the connection is gone."""

    text: str
    clean: bool = False
    """The stream ends as if it were complete, but for the finish reason."""


@dataclass(frozen=True)
class Babbles:
    """HTTP 200 with a body that is no JSON."""

    body: str = '{"choices": [{"mess'


@dataclass(frozen=True)
class Hangs:
    """Some text when streamed, and then nothing until the client goes away."""

    text: str = ""


Step = Says | Fails | Cuts | Babbles | Hangs


class ModelServer:
    """``async with ModelServer([Says("hello")]) as server: … server.url``"""

    def __init__(self, script: Sequence[Step | str], port: int = 0) -> None:
        self._port = port
        self.script: list[Step] = [Says(s) if isinstance(s, str) else s for s in script]
        self.requests: list[dict[str, Any]] = []
        self.asked = asyncio.Event()
        """There was a request."""
        self.hanging = asyncio.Event()
        """Somebody waits for an answer that does not come."""
        self.left = asyncio.Event()
        """Who waited has gone away."""
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(await _body(head, reader), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.requests.append(request)
        self.asked.set()
        step = self.script.pop(0) if self.script else Fails(400, "the script is over")
        reply = _Reply(request, writer)
        match step:
            case Fails():
                error = {"error": {"message": step.message, "type": "scripted", "code": step.code}}
                reply.body(json.dumps(error), step.status, step.headers)
            case Babbles():
                reply.body(step.body)
            case Says():
                reply.says(step)
            case Cuts():
                reply.begins(step.text, complete=step.clean)
                await writer.drain()
                writer.transport.close() if step.clean else writer.transport.abort()
                return
            case Hangs():
                if step.text:
                    reply.begins(step.text)
                await writer.drain()
                self.hanging.set()
                await reader.read()
                self.left.set()
                return
        await writer.drain()


async def _body(head: bytes, reader: asyncio.StreamReader) -> dict[str, Any]:
    lines = head.decode().lower().split("\r\n")
    length = next(line.split(":")[1] for line in lines if line.startswith("content-length:"))
    body: dict[str, Any] = json.loads(await reader.readexactly(int(length)))
    return body


class _Reply:
    def __init__(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self._request = request
        self._writer = writer

    def says(self, step: Says) -> None:
        if not self._request.get("stream"):
            self.body(json.dumps(self._completion(step)))
            return
        self._stream_head()
        if step.thought:
            for piece in _pieces(step.thought):
                self._event({"reasoning_content": piece})
        for piece in _pieces(step.text):
            self._event({"content": piece})
        for index, (call_id, name, arguments) in enumerate(step.tool_calls):
            function = {"name": name, "arguments": ""}
            self._event({"tool_calls": [{"index": index, "id": call_id, "function": function}]})
            for piece in _pieces(arguments):
                self._event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        self._event({}, finish_reason="tool_calls" if step.tool_calls else "stop")
        options: dict[str, Any] = self._request.get("stream_options") or {}
        if options.get("include_usage"):
            self._data(json.dumps({**self._head("chat.completion.chunk"), "usage": step.usage}))
        self._data("[DONE]")
        self._chunk("")

    def begins(self, text: str, *, complete: bool = False) -> None:
        """Some of a stream (or of a body) that will not go on."""
        if not self._request.get("stream"):
            self._write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            self._write('content-length: 1000\r\n\r\n{"id": "')
            return
        self._stream_head()
        for piece in _pieces(text):
            self._event({"content": piece})
        if complete:
            self._chunk("")

    def body(self, text: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._write(f"HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n")
        for name, value in headers:
            self._write(f"{name}: {value}\r\n")
        self._write(f"connection: close\r\ncontent-length: {len(text.encode())}\r\n\r\n{text}")

    def _completion(self, step: Says) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": step.text}
        if step.thought:
            message["reasoning_content"] = step.thought
        if step.tool_calls:
            message["tool_calls"] = [
                {"id": i, "type": "function", "function": {"name": name, "arguments": arguments}}
                for i, name, arguments in step.tool_calls
            ]
        reason = "tool_calls" if step.tool_calls else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        choice |= self._logprobs(step.text)
        return {**self._head("chat.completion"), "choices": [choice], "usage": step.usage}

    def _head(self, kind: str) -> dict[str, Any]:
        model = self._request["model"]
        return {"id": "c-1", "object": kind, "created": 1, "model": model, "choices": []}

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        choice |= self._logprobs(delta.get("content", ""))
        self._data(json.dumps({**self._head("chat.completion.chunk"), "choices": [choice]}))

    def _logprobs(self, text: str) -> dict[str, Any]:
        """If they are wanted: every piece is a token, and there is only one other."""
        if not self._request.get("logprobs"):
            return {}
        other = {"token": "?", "logprob": -2.5, "bytes": None}
        tokens = [
            {
                "token": piece,
                "logprob": -0.5,
                "bytes": list(piece.encode()),
                "top_logprobs": [other],
            }
            for piece in _pieces(text)
        ]
        return {"logprobs": {"content": tokens, "refusal": None}}

    def _stream_head(self) -> None:
        self._write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        self._write("connection: close\r\ntransfer-encoding: chunked\r\n\r\n")

    def _data(self, data: str) -> None:
        self._chunk(f"data: {data}\n\n")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _write(self, text: str) -> None:
        self._writer.write(text.encode())


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
