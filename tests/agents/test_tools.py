"""Functions as tools, and workbenches."""

from __future__ import annotations

import functools
import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from sandcrew.agents import AssistantAgent
from sandcrew.agents.base import Handoff
from sandcrew.agents.messages import CodeOutputEvent, ToolCallSummaryMessage
from sandcrew.agents.models import (
    CreateResult,
    ModelInfo,
    ReplayChatCompletionClient,
    RequestUsage,
)
from sandcrew.agents.runtime import CancellationToken, FunctionCall, Image
from sandcrew.agents.tools import (
    BaseToolWithState,
    FunctionTool,
    ImageResultContent,
    PythonCodeExecutionTool,
    StaticWorkbench,
    TextResultContent,
    ToolOverride,
    ToolResult,
)
from sandcrew.executors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandcrew.executors import LocalCommandLineCodeExecutor


class Color(Enum):
    RED = "red"


class Point(BaseModel):
    x: int
    color: Color = Color.RED


class Node(BaseModel):
    children: list[Node] = Field(default_factory=list["Node"])


def plain(
    text: Annotated[str, "What to say"],
    count: Annotated[int, Field(ge=1, description="How often")] = 2,
    style: Literal["loud", "soft"] | None = None,
    schema: str = "s",
    _hidden: bool = False,
) -> str:
    return f"{text * count}{style}{schema}{_hidden}"


async def call(tool: FunctionTool, **arguments: Any) -> str:
    value = await tool.run_json(arguments, CancellationToken())
    return tool.return_value_as_string(value)


async def test_a_signature_is_a_schema() -> None:
    tool = FunctionTool(plain, "Say it.")
    parameters: Any = tool.schema.get("parameters")
    properties = parameters["properties"]
    assert tool.name == "plain"
    assert parameters["required"] == ["text"]
    assert not parameters["additionalProperties"]
    assert properties["text"]["description"] == "What to say"
    assert (properties["count"]["minimum"], properties["count"]["default"]) == (1, 2)
    assert set(properties) == {"text", "count", "style", "schema", "_hidden"}
    json.dumps(tool.schema)
    assert await call(tool, text="x", style="loud", schema="S", _hidden=True) == "xxloudSTrue"


async def test_models_and_lists_of_them_are_written_out_and_given_as_objects() -> None:
    def move(points: list[Point], to: Point | None = None) -> str:
        return f"{points[0].x} {points[0].color.name} {to}"

    tool = FunctionTool(move, "")
    assert "$ref" not in json.dumps(tool.schema)
    assert await call(tool, points=[{"x": 1}]) == "1 RED None"


async def test_a_type_that_holds_itself_keeps_its_reference() -> None:
    def depth(node: Node) -> int:
        return 1 + len(node.children)

    tool = FunctionTool(depth, "")
    assert "$defs" in tool.schema.get("parameters", {})
    assert await call(tool, node={"children": [{}]}) == "2"


async def test_a_token_is_given_and_not_shown() -> None:
    async def wait(cancellation_token: CancellationToken, a: int) -> bool:
        return cancellation_token.is_cancelled()

    tool = FunctionTool(wait, "")
    assert list(tool.schema.get("parameters", {}).get("properties", {})) == ["a"]
    assert await call(tool, a=1) == "False"


class Adder:
    """Adds."""

    def __call__(self, a: int, b: int = 1) -> int:
        return a + b

    async def later(self, a: int, /, *, b: int = 1) -> int:
        return a + b


def untyped(a, b=1):  # type: ignore[no-untyped-def]  # pyright: ignore
    return int(a) + b  # pyright: ignore


CALLABLES: list[tuple[Callable[..., Any], str]] = [
    (Adder(), "Adder"),
    (Adder().later, "later"),
    (functools.partial(Adder().__call__, b=1), "__call__"),
    (untyped, "untyped"),  # pyright: ignore
]


@pytest.mark.parametrize(("func", "name"), CALLABLES)
async def test_whatever_can_be_called_is_a_tool(func: Callable[..., Any], name: str) -> None:
    tool = FunctionTool(func, "")
    assert tool.name == name
    assert await call(tool, a=1) == "2"


def takes_anything(*args: int) -> None: ...


def takes_a_socket(socket: CancellationToken) -> None: ...


def takes_a_stranger(a: Stranger) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore


IMPOSSIBLE: list[Callable[..., Any]] = [takes_anything, takes_a_socket, takes_a_stranger]


@pytest.mark.parametrize("func", IMPOSSIBLE)
def test_what_a_model_cannot_give_is_refused_at_once(func: Any) -> None:
    with pytest.raises(UsageError, match="takes_a"):
        FunctionTool(func, "")


def test_strict_schemas_require_everything() -> None:
    parameters = FunctionTool(plain, "", strict=True).schema.get("parameters", {})
    assert set(parameters.get("required", [])) == set(parameters.get("properties", {}))


async def test_what_a_function_returns_is_put_into_words() -> None:
    def give(what: str) -> Any:
        return {"model": Point(x=1), "list": [1, "a"], "none": None}[what]

    tool = FunctionTool(give, "", name="other")
    assert tool.name == "other"
    assert json.loads(await call(tool, what="model")) == {"x": 1, "color": "red"}
    assert await call(tool, what="list") == "[1, 'a']"
    assert await call(tool, what="none") == "None"


def test_a_result_is_text_with_a_word_for_pictures() -> None:
    result = ToolResult(
        name="f",
        result=[
            TextResultContent(content="look"),
            ImageResultContent(content=Image(data="AAAA")),
        ],
    )
    assert result.to_text("[image]") == "look\n[image]"
    assert result.to_text() == "look\n[Image: AAAA]"
    assert ToolResult.model_validate_json(result.model_dump_json()) == result


class Count(BaseModel):
    n: int = 0


class Counter(BaseToolWithState[Count, int, Count]):
    """Counts on."""

    def __init__(self) -> None:
        super().__init__(Count, int, Count, "count", "Count on.")
        self.sum = 0

    async def run(self, args: Count, cancellation_token: CancellationToken) -> int:
        self.sum += args.n
        return self.sum

    def save_state(self) -> Count:
        return Count(n=self.sum)

    def load_state(self, state: Count) -> None:
        self.sum = state.n


async def test_a_workbench_has_its_own_words_and_remembers() -> None:
    overrides = {"count": ToolOverride(name="add", description="Add.")}
    bench = StaticWorkbench([Counter()], overrides)
    (schema,) = await bench.list_tools()
    assert (schema["name"], schema.get("description")) == ("add", "Add.")
    async with bench:
        assert (await bench.call_tool("add", {"n": 2})).to_text() == "2"
        assert (await bench.call_tool("count", {"n": 2})).is_error
    other = StaticWorkbench([Counter()], overrides)
    await other.load_state(json.loads(json.dumps(await bench.save_state())))
    assert (await other.call_tool("add", {"n": 1})).to_text() == "3"
    with pytest.raises(UsageError):
        await other.load_state({"tools": 1})


def test_names_that_clash_or_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="'count'"):
        StaticWorkbench([Counter(), Counter()])
    with pytest.raises(UsageError, match="nobody"):
        StaticWorkbench([Counter()], {"nobody": ToolOverride()})


def test_a_handoff_says_where_to() -> None:
    handoff = Handoff(target="Bob")
    assert (handoff.name, handoff.description) == ("transfer_to_bob", "Handoff to Bob.")
    assert handoff.message == "Transferred to Bob, adopting the role of Bob immediately."
    assert Handoff.model_validate_json(handoff.model_dump_json()) == handoff
    assert handoff.handoff_tool.schema.get("parameters", {}).get("properties") == {}


@pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")
async def test_code_is_a_tool_too(executor: LocalCommandLineCodeExecutor) -> None:
    wanted = [
        FunctionCall(str(number), json.dumps({"code": code}), "CodeExecutor")
        for number, code in enumerate(["print(6 * 7)", "raise SystemExit(3)"])
    ]
    answer = CreateResult(
        finish_reason="function_calls", content=wanted, usage=RequestUsage(1, 1), cached=False
    )
    info = ModelInfo(
        vision=False, function_calling=True, json_output=True, family="any", structured_output=True
    )
    async with executor:
        agent = AssistantAgent(
            "a",
            ReplayChatCompletionClient([answer], info),
            tools=[PythonCodeExecutionTool(executor)],
        )
        items = [item async for item in agent.run_stream(task="go")]
    printed = "".join(item.content for item in items if isinstance(item, CodeOutputEvent))
    (summary,) = [item for item in items if isinstance(item, ToolCallSummaryMessage)]
    worked, failed = [json.loads(line) for line in summary.content.split("\n")]
    assert printed == "42\n"
    said = "The script ran (exit code: 0)."
    assert worked == {"success": True, "output": "42\n", "report": said}
    assert failed["success"] is False
    assert "exit code: 3" in failed["report"]
