"""Answers in JSON: from models that can be held to a schema, and from those that cannot."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from ..runtime import CancellationToken
from .client import ChatCompletionClient
from .types import CreateResult, LLMMessage, SystemMessage, UserMessage

ModelT = TypeVar("ModelT", bound=BaseModel)


async def create_structured(
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    answer_type: type[ModelT],
    cancellation_token: CancellationToken | None = None,
) -> tuple[ModelT | None, CreateResult]:
    """Ask for an ``answer_type``, in the strictest way the model knows.

    The first of the pair is ``None`` when the answer, read leniently, is none.
    """
    messages, json_output = structured_request(client, messages, answer_type)
    result = await client.create(
        messages, json_output=json_output, cancellation_token=cancellation_token
    )
    text = result.content if isinstance(result.content, str) else ""
    return parse_json(text, answer_type), result


def structured_request(
    client: ChatCompletionClient, messages: Sequence[LLMMessage], answer_type: type[BaseModel]
) -> tuple[list[LLMMessage], bool | type[BaseModel] | None]:
    """The messages, and the ``json_output``, that ask for an ``answer_type``."""
    if client.model_info["structured_output"]:
        return list(messages), answer_type
    told = [*messages, json_instruction(answer_type)]
    return told, client.model_info["json_output"] or None


def json_instruction(answer_type: type[BaseModel]) -> LLMMessage:
    """The request in words, for models without a switch."""
    schema = json.dumps(answer_type.model_json_schema())
    return UserMessage(
        content=f"Answer with one JSON object and nothing else. Its JSON schema:\n{schema}",
        source="user",
    )


def parse_json(text: str, answer_type: type[ModelT]) -> ModelT | None:
    """The first object in ``text`` that is an ``answer_type``; fences and prose are skipped."""
    for value in find_objects(text):
        try:
            return answer_type.model_validate(value)
        except ValidationError:
            continue
    return None


def find_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost JSON object in ``text``."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def bare_json(text: str) -> str:
    """The JSON in ``text`` without the fence and the prose models like to put around it."""
    try:
        json.loads(text)
    except ValueError:
        found = next(find_objects(text), None)
        return text if found is None else json.dumps(found)
    return text


def strict_schema(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The schema in the dialect of OpenAI's structured outputs.

    There every object must close its keys and require all of them:
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    return cast("dict[str, Any]", _strict(answer_type.model_json_schema()))


def _strict(node: object) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    result = {key: _strict(value) for key, value in cast("dict[str, object]", node).items()}
    if isinstance(result.get("title"), str):  # A field, not a map of fields with such a name.
        result.pop("default", None)
    if result.get("type") == "object" and "properties" in result:
        result["additionalProperties"] = False
        result["required"] = list(result["properties"])
    return result


def merge_system_messages(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """All system messages as one in front, for models that take only one."""
    systems = [m.content for m in messages if isinstance(m, SystemMessage)]
    rest: list[LLMMessage] = [m for m in messages if not isinstance(m, SystemMessage)]
    return [SystemMessage(content="\n".join(systems)), *rest] if systems else rest
