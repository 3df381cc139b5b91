"""A model that says what it is told to: a server on loopback that speaks chat completions."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_PIECE = 4096


class ScriptedModel:
    """Its answers are streamed, one after the other, and the last again and again."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.port = 0
        self.told: list[str] = []
        """What the last request showed of what others than the model said, after the task."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            length = next(line.split(":")[1] for line in head if line.startswith("content-length:"))
            request: dict[str, Any] = json.loads(await reader.readexactly(int(length)))
            said = [m for m in request["messages"] if m["role"] == "user"]
            self.told = [str(message["content"]) for message in said[1:]]
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            writer.write(_HEAD + b"".join(_events(str(request["model"]), answer)))
            await writer.drain()
        writer.close()


@asynccontextmanager
async def scripted_model(answers: Sequence[str]) -> AsyncGenerator[ScriptedModel, None]:
    """A model that gives these answers, for as long as the block runs."""
    model = ScriptedModel(answers)
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0, limit=8 << 20)
    model.port = int(server.sockets[0].getsockname()[1])
    try:
        yield model
    finally:
        server.close()


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def _events(model: str, answer: str) -> list[bytes]:
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"content": answer[start : start + _PIECE]}, None)
        for start in range(0, len(answer), _PIECE)
    ]
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    events = [
        json.dumps({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
        for delta, reason in (*deltas, ({}, "stop"))
    ]
    return [f"data: {event}\n\n".encode() for event in (*events, "[DONE]")]
