"""The arguments of a request that the user may set."""

from collections.abc import Mapping
from typing import Any, TypedDict

from ....sandbox.errors import UsageError


class CreateArguments(TypedDict, total=False):
    """What goes into every request, as OpenAI names it."""

    frequency_penalty: float | None
    logit_bias: dict[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    metadata: dict[str, str] | None
    n: int | None
    parallel_tool_calls: bool | None
    presence_penalty: float | None
    reasoning_effort: str | None
    response_format: Any
    seed: int | None
    service_tier: str | None
    stop: str | list[str] | None
    stream_options: dict[str, Any] | None
    temperature: float | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None
    extra_body: dict[str, Any] | None
    extra_headers: dict[str, str] | None
    extra_query: dict[str, Any] | None


def check_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are set.

    Raises
    ------
    UsageError
        A name OpenAI does not know.
    """
    unknown = arguments.keys() - CreateArguments.__annotations__.keys()
    if unknown:
        raise UsageError(
            f"OpenAIChatCompletionClient does not know {', '.join(sorted(unknown))}. "
            "Use extra_body for what only your server understands."
        )
    return {key: value for key, value in arguments.items() if value is not None}
