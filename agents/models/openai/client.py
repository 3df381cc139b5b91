"""The client of OpenAI's chat completions, on the openai package."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Unpack

from pydantic import BaseModel

from ....sandbox.errors import MissingExtra
from ...runtime import CancellationToken
from ...runtime.scope import cancel_scope, cancellable
from ..client import ChatCompletionClient
from ..info import ModelInfo, model_info_for
from ..prices import Prices
from ..structured import bare_json, json_instruction, merge_system_messages, strict_schema
from ..text import estimate_tokens, estimate_tool_tokens
from ..types import CreateResult, LLMMessage
from ..usage import RequestUsage
from .arguments import CreateArguments, check_arguments
from .convert import MessageConverter, convert_tools
from .errors import StreamCut, cuts_as_such, mapped_errors, missing_key
from .reply import StreamedReply, result_of
from .restart import Restarts

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_URL = "https://api.openai.com/v1"


class OpenAIChatCompletionClient(ChatCompletionClient):
    """Asks a model of OpenAI, or of any server that speaks its protocol.

    Parameters
    ----------
    model:
        Any name the server knows.
    api_key:
        Default ``OPENAI_API_KEY``; a server of one's own may need none.
    base_url:
        Default ``OPENAI_BASE_URL``, else OpenAI.
    organization:
        Default ``OPENAI_ORG_ID``.
    timeout:
        Seconds for one request; the openai package's default is 600.
    max_retries:
        How often a request is sent again after 408, 409, 429, 5xx and lost connections (waiting
        as ``Retry-After`` says), and how often a stream that was cut is asked for again.
    model_info:
        What the model can do; wins over the built-in table, field by field.
    add_name_prefixes:
        Say in the text who said it: an object of JSON with ``source`` and ``content``, so that no
        text can speak for somebody else.
    include_name_in_message:
        Say in the message's ``name`` who said it.
    default_headers:
        Sent with every request.
    prices:
        What tokens cost; then every answer's usage has its cost.
    create_args:
        ``temperature`` and the like, see :class:`CreateArguments`.

    Raises
    ------
    MissingExtra
        The openai package is not installed.
    BackendUnavailable
        There is no key.
    UsageError
        An unknown argument.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        *,
        model: str,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        timeout: float | None = None,
        max_retries: int = 2,
        model_info: Mapping[str, Any] | None = None,
        add_name_prefixes: bool = False,
        include_name_in_message: bool = True,
        default_headers: Mapping[str, str] | None = None,
        prices: Prices | None = None,
        **create_args: Unpack[CreateArguments],
    ) -> None:
        self._create_args = check_arguments(create_args)
        if importlib.util.find_spec("openai") is None:
            raise MissingExtra("openai", "openai")
        own_url = base_url or os.environ.get("OPENAI_BASE_URL")
        key = api_key or os.environ.get("OPENAI_API_KEY") or ("none" if own_url else None)
        if key is None:
            raise missing_key()
        self._model = model
        self._base_url = own_url or _DEFAULT_URL
        self._max_retries = max_retries
        self._options: dict[str, Any] = {
            "api_key": key,
            "base_url": self._base_url,
            "organization": organization,
            "max_retries": max_retries,
            "default_headers": default_headers,
        }
        if timeout is not None:
            self._options["timeout"] = timeout
        self._model_info = model_info_for(model, model_info)
        self._converter = MessageConverter(
            name_prefixes=add_name_prefixes, names=include_name_in_message
        )
        self._prices = prices
        self._usage = RequestUsage(0, 0)
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        request = self._request(messages, json_output, extra_create_args)
        request |= convert_tools(tools, tool_choice)
        request.pop("stream_options", None)
        with mapped_errors(self._model, self._base_url), cancel_scope(cancellation_token):
            completions: Any = self._connected().chat.completions
            result = result_of(await completions.create(**request))
        return self._finish(result, json_output)

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        include_usage: bool = True,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Ask, and get the answer in pieces; the whole :class:`CreateResult` comes last.

        A stream that is cut is asked for again as a whole; the pieces go on where the first
        answer stopped when the second says the same, and say so when it does not. The result is
        always one whole answer.
        """
        request = self._request(messages, json_output, extra_create_args)
        request |= convert_tools(tools, tool_choice)
        if include_usage:
            request.setdefault("stream_options", {"include_usage": True})
        stream = cancellable(self._stream_until_whole(request), cancellation_token)
        with mapped_errors(self._model, self._base_url):
            async with aclosing(stream):
                async for piece in stream:
                    if isinstance(piece, CreateResult):
                        piece = self._finish(piece, json_output)
                    yield piece

    async def _stream_until_whole(
        self, request: dict[str, Any]
    ) -> AsyncGenerator[str | CreateResult, None]:
        restarts = Restarts(self._max_retries)
        while True:
            try:
                async with aclosing(self._stream_once(request)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, CreateResult):
                            yield piece
                            return
                        for text in restarts.unseen(piece):
                            yield text
            except StreamCut as cut:
                await restarts.again(cut)

    async def _stream_once(
        self, request: dict[str, Any]
    ) -> AsyncGenerator[str | CreateResult, None]:
        reply = StreamedReply()
        stream = await self._connected().chat.completions.create(stream=True, **request)
        async with stream:
            with cuts_as_such():
                async for chunk in stream:
                    for text in reply.add(chunk):
                        yield text
        if not reply.finished:
            raise StreamCut("the answer ended without a finish reason")
        yield reply.result()

    def _request(
        self,
        messages: Sequence[LLMMessage],
        json_output: bool | type[BaseModel] | None,
        extra: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        request = {"model": self._model, **self._create_args, **check_arguments(extra or {})}
        info = self._model_info
        if isinstance(json_output, type) and info["structured_output"]:
            schema = strict_schema(json_output)
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": json_output.__name__, "schema": schema, "strict": True},
            }
        elif json_output:
            if isinstance(json_output, type):
                messages = [*messages, json_instruction(json_output)]
            if info["json_output"]:
                request["response_format"] = {"type": "json_object"}
        if not info.get("multiple_system_messages", True):
            messages = merge_system_messages(messages)
        request["messages"] = self._converter.convert(messages)
        return request

    def _finish(
        self, result: CreateResult, json_output: bool | type[BaseModel] | None
    ) -> CreateResult:
        if self._prices is not None:
            usage = self._prices.priced(result.usage)
            result = result.model_copy(update={"usage": usage})
        self._usage += result.usage
        if json_output and isinstance(result.content, str):
            return result.model_copy(update={"content": bare_json(result.content)})
        return result

    def _connected(self) -> "AsyncOpenAI":
        """The openai client of the running loop: its connections work in no other."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            from openai import AsyncOpenAI

            self._client, self._loop = AsyncOpenAI(**self._options), loop
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    def fingerprint(self) -> Mapping[str, Any]:
        return {
            "model": self._model,
            "base_url": self._base_url,
            "create_args": self._create_args,
            "model_info": dict(self._model_info),
            "names": self._converter.settings,
        }

    def actual_usage(self) -> RequestUsage:
        return self._usage

    def total_usage(self) -> RequestUsage:
        return self._usage

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        """About how many tokens the messages are; only the server knows."""
        return estimate_tokens(messages) + estimate_tool_tokens(tools)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        window = self._model_info.get("context_window", 128_000)
        return window - self.count_tokens(messages, tools=tools)

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info
