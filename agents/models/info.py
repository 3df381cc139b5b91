"""What a model can do: a small table, and a sane default for names that are not in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NotRequired, TypedDict, cast

from ...sandbox.errors import UsageError


class ModelFamily:
    """Names of model families, as AutoGen has them."""

    GPT_5: ClassVar = "gpt-5"
    GPT_41: ClassVar = "gpt-41"
    GPT_45: ClassVar = "gpt-45"
    GPT_4O: ClassVar = "gpt-4o"
    O1: ClassVar = "o1"
    O3: ClassVar = "o3"
    O4: ClassVar = "o4"
    GPT_4: ClassVar = "gpt-4"
    GPT_35: ClassVar = "gpt-35"
    R1: ClassVar = "r1"
    GEMINI: ClassVar = "gemini"
    CLAUDE: ClassVar = "claude"
    LLAMA: ClassVar = "llama"
    MISTRAL: ClassVar = "mistral"
    QWEN: ClassVar = "qwen"
    DEEPSEEK: ClassVar = "deepseek"
    ANY: ClassVar[Literal["any"]] = "any"
    UNKNOWN: ClassVar[Literal["unknown"]] = "unknown"


class ModelInfo(TypedDict):
    """What a model can do."""

    vision: bool
    function_calling: bool
    json_output: bool
    """It can be told to answer in JSON."""
    family: str
    structured_output: bool
    """It can be held to a JSON schema."""
    multiple_system_messages: NotRequired[bool]
    context_window: NotRequired[int]
    """In tokens, prompt and answer together."""


@dataclass(frozen=True, slots=True)
class _Entry:
    prefix: str
    family: str
    context_window: int
    vision: bool = True
    structured: bool = True
    json: bool = True
    tools: bool = True
    systems: bool = True


# The first prefix that fits wins. Windows are those of the smallest current member.
_TABLE = (
    _Entry("gpt-5", ModelFamily.GPT_5, 400_000),
    _Entry("gpt-4.1", ModelFamily.GPT_41, 1_047_576),
    _Entry("gpt-4.5", ModelFamily.GPT_45, 128_000),
    _Entry("gpt-4o", ModelFamily.GPT_4O, 128_000),
    _Entry("chatgpt-4o", ModelFamily.GPT_4O, 128_000),
    _Entry("gpt-4-turbo", ModelFamily.GPT_4, 128_000, structured=False),
    _Entry("gpt-4", ModelFamily.GPT_4, 8_192, vision=False, structured=False),
    _Entry("gpt-3.5", ModelFamily.GPT_35, 16_385, vision=False, structured=False),
    _Entry("o1", ModelFamily.O1, 200_000),
    _Entry("o3", ModelFamily.O3, 200_000),
    _Entry("o4", ModelFamily.O4, 200_000),
    _Entry("gemini", ModelFamily.GEMINI, 1_048_576, systems=False),
    _Entry("claude", ModelFamily.CLAUDE, 200_000, structured=False, json=False, systems=False),
    _Entry("deepseek-r", ModelFamily.R1, 64_000, False, structured=False, json=False, tools=False),
    _Entry("deepseek", ModelFamily.DEEPSEEK, 64_000, vision=False, structured=False),
    _Entry("llama", ModelFamily.LLAMA, 128_000, vision=False, structured=False, json=False),
    _Entry("mistral", ModelFamily.MISTRAL, 128_000, vision=False, structured=False),
    _Entry("qwen", ModelFamily.QWEN, 32_768, vision=False, structured=False, json=False),
)
# A stranger is sent what the caller asks for, except formats that a server might refuse: JSON is
# asked for in words instead.
_UNKNOWN = _Entry("", ModelFamily.UNKNOWN, 128_000, structured=False, json=False)


def model_info_for(model: str, known: Mapping[str, Any] | None = None) -> ModelInfo:
    """What the model of this name can do; ``known`` (the user's word) wins.

    Vendor prefixes are ignored: ``openai/gpt-4o`` is ``gpt-4o``.
    """
    name = model.rsplit("/", 1)[-1].lower()
    entry = next((e for e in _TABLE if name.startswith(e.prefix)), _UNKNOWN)
    info = ModelInfo(
        vision=entry.vision,
        function_calling=entry.tools,
        json_output=entry.json,
        family=entry.family,
        structured_output=entry.structured,
        multiple_system_messages=entry.systems,
        context_window=entry.context_window,
    )
    return cast("ModelInfo", {**info, **(known or {})})


def validate_model_info(model_info: ModelInfo) -> None:
    """Check that nothing a client relies on is missing.

    Raises
    ------
    UsageError
        A required field is missing.
    """
    missing = ModelInfo.__required_keys__ - model_info.keys()
    if missing:
        raise UsageError(f"model_info lacks: {', '.join(sorted(missing))}.")
