"""Answering from a cache."""

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from ..runtime.store import CacheStore, InMemoryStore
from .client import ChatCompletionClient
from .text import schema_of
from .types import CreateResult
from .usage import RequestUsage
from .wrapping import Call, Piece, WrappedChatCompletionClient

CHAT_CACHE_VALUE_TYPE = CreateResult | list[str | CreateResult]
"""A whole answer, or one in pieces."""


class ChatCompletionCache(WrappedChatCompletionClient):
    """Asks the same question only once. Streamed answers are streamed again, piece by piece.

    Two questions are the same when everything is that the answer depends on: the model with its
    server and settings, the messages, the tools, the choice of tools, the form of the answer and
    the extra arguments. Answers from the cache have ``cached`` set and cost nothing.

    Parameters
    ----------
    client:
        The client inside.
    store:
        Where answers are kept; by default in memory.
    """

    def __init__(
        self,
        client: ChatCompletionClient,
        store: CacheStore[CHAT_CACHE_VALUE_TYPE] | None = None,
    ) -> None:
        super().__init__(client)
        self.store: CacheStore[CHAT_CACHE_VALUE_TYPE] = (
            InMemoryStore[CHAT_CACHE_VALUE_TYPE]() if store is None else store
        )
        self._hits = RequestUsage(0, 0)

    async def _create(self, call: Call) -> CreateResult:
        key = self._key(call)
        known = _read(self.store.get(key))
        if known:
            return self._hit(known)
        result = await call.create(self.client)
        self.store.set(key, result)
        return result

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        key = self._key(call)
        known = _read(self.store.get(key))
        if known:
            for piece in known[:-1]:
                yield piece
            yield self._hit(known)
            return
        told: list[Piece] = []
        async with aclosing(call.stream(self.client)) as pieces:
            async for piece in pieces:
                told.append(piece)
                # Kept before it is told: who has the result may not come back for more.
                if isinstance(piece, CreateResult):
                    self.store.set(key, told)
                yield piece

    def _hit(self, known: list[Piece]) -> CreateResult:
        result = known[-1]
        assert isinstance(result, CreateResult), "_read() sees to it"
        usage = replace(result.usage, cost=0.0)
        self._hits += usage
        return result.model_copy(update={"cached": True, "usage": usage})

    def _key(self, call: Call) -> str:
        form = call.json_output
        choice = call.tool_choice
        question: dict[str, Any] = {
            "client": self.client.fingerprint(),
            "messages": [message.model_dump(mode="json") for message in call.messages],
            "tools": [schema_of(tool) for tool in call.tools],
            "tool_choice": choice if isinstance(choice, str) else choice.name,
            "json_output": form.model_json_schema() if isinstance(form, type) else form,
            "extra": dict(call.extra_create_args or {}),
        }
        text = json.dumps(question, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()

    def total_usage(self) -> RequestUsage:
        return self.client.total_usage() + self._hits


def _read(value: object) -> list[Piece] | None:
    """The pieces of a stored answer, its result last; ``None`` if there is no whole one.

    A store on disk or on a server may give JSON where it was given objects.
    """
    if value is None:
        return None
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    pieces = [item if isinstance(item, str | CreateResult) else _result(item) for item in items]
    if not pieces or not isinstance(pieces[-1], CreateResult):
        return None
    if len(pieces) == 1 and isinstance(pieces[0], CreateResult):
        content = pieces[0].content
        return [content, pieces[0]] if isinstance(content, str) and content else pieces
    return pieces


def _result(item: object) -> CreateResult:
    return CreateResult.model_validate(item)
