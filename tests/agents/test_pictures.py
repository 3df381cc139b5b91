"""Pictures: of tools to models that can see, and to people whose terminal can draw."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as PillowImage
from rich.console import Console as RichConsole

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat
from sandcrew.agents.messages import CodeExecutionEvent, MultiModalMessage
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.runtime import CancellationToken, Image
from sandcrew.agents.tools import FunctionTool, PythonCodeExecutionTool, StaticWorkbench
from sandcrew.agents.ui import Console
from sandcrew.agents.ui.pictures import drawn, picture_protocol
from sandcrew.executors import Artifact, CodeResult, RichOutput

from .model_server import ModelServer, Says
from .test_console import stream_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandcrew.agents.messages import BaseAgentEvent, BaseChatMessage
    from sandcrew.agents.ui.pictures import Protocol


def png(width: int = 3, height: int = 7) -> bytes:
    file = io.BytesIO()
    PillowImage.new("RGB", (width, height), (255, 0, 0)).save(file, "PNG")
    return file.getvalue()


PICTURE = Image(data=base64.b64encode(png()).decode())


async def camera(what: str) -> Image:
    """Take a picture."""
    return PICTURE


async def album() -> list[Any]:
    """All pictures."""
    return ["one:", PICTURE, "two:", PICTURE]


CALL = Says("", tool_calls=(("c1", "camera", json.dumps({"what": "cat"})),))


async def requests_of(can_see: bool, *, in_team: bool = False) -> list[dict[str, Any]]:
    async with ModelServer([CALL, "A cat.", "A nice cat."]) as server:
        client = OpenAIChatCompletionClient(
            model="m", base_url=server.url, api_key="k", model_info={"vision": can_see}
        )
        agent = AssistantAgent("a", client, tools=[camera], reflect_on_tool_use=not in_team)
        critic = AssistantAgent("b", client)
        await RoundRobinGroupChat([agent, critic], max_turns=2).run(task="What is it?")
    return server.requests


async def test_a_model_that_can_see_is_shown_what_its_tool_gave() -> None:
    result, pictures = (await requests_of(True))[1]["messages"][-2:]
    assert (result["role"], result["content"]) == ("tool", "[image]")
    assert pictures["role"] == "user"
    words, picture = pictures["content"]
    assert "camera" in words["text"]
    assert picture["image_url"]["url"] == PICTURE.data_uri


async def test_a_model_that_cannot_see_is_told_that_there_is_a_picture() -> None:
    messages = (await requests_of(False))[1]["messages"]
    assert messages[-1]["content"] == "[image]"
    assert PICTURE.data not in json.dumps(messages)


async def test_the_next_agent_sees_the_pictures_of_a_summary() -> None:
    assert PICTURE.data in json.dumps((await requests_of(True, in_team=True))[1]["messages"])
    assert PICTURE.data not in json.dumps((await requests_of(False, in_team=True))[1]["messages"])


async def test_pictures_stand_between_texts_and_alone() -> None:
    bench = StaticWorkbench([FunctionTool(album, ""), FunctionTool(camera, "")])
    several = await bench.call_tool("album", {})
    assert several.to_text(replace_image="*") == "one:\n*\ntwo:\n*"
    assert several.images == [PICTURE, PICTURE]
    one = await bench.call_tool("camera", {"what": ""})
    assert one.to_text(replace_image="*") == "*"


async def test_the_state_of_an_agent_keeps_the_pictures() -> None:
    async with ModelServer([CALL, "A cat.", "Still a cat."]) as server:
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        agent = AssistantAgent("a", client, tools=[camera], reflect_on_tool_use=True)
        await agent.run(task="What is it?")
        other = AssistantAgent("a", client, tools=[camera])
        await other.load_state(json.loads(json.dumps(await agent.save_state())))
        await other.run(task="And now?")
    assert PICTURE.data in json.dumps(server.requests[2]["messages"])


def test_what_code_displays_is_a_picture_of_the_tool() -> None:
    from sandcrew.agents.tools import CodeExecutionResult

    tool = PythonCodeExecutionTool(executor=None)  # type: ignore[arg-type]  # pyright: ignore
    result = CodeExecutionResult(success=True, output="1", images=[PICTURE])
    text, picture = tool.return_value_as_contents(result)
    assert json.loads(str(text.content)) == {"success": True, "output": "1", "report": ""}
    assert picture.content == PICTURE


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-sixel"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(
    environment: dict[str, str], protocol: str | None
) -> None:
    assert picture_protocol(environment) == protocol


def test_kitty_is_given_chunks_that_are_the_picture() -> None:
    data = png(300, 200) + b"\0" * 9000
    text = drawn(data, "kitty")
    assert text is not None
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert chunks[0][0] == "a=T,f=100,m=1"
    assert [more for more, _ in chunks[1:]] == ["m=1"] * (len(chunks) - 2) + ["m=0"]
    assert max(len(chunk) for _, chunk in chunks) == 4096
    assert base64.b64decode("".join(chunk for _, chunk in chunks)) == data
    assert drawn(b"\xff\xd8\xff rest", "kitty") is None


def test_iterm_is_given_the_file() -> None:
    text = drawn(png(), "iterm2")
    assert text is not None
    head, _, data = text.partition(":")
    assert head.startswith("\x1b]1337;File=inline=1;")
    assert base64.b64decode(data.removesuffix("\x07\n")) == png()


def test_sixels_are_the_pixels() -> None:
    text = drawn(png(3, 7), "sixel")
    assert text is not None
    assert text.startswith("\x1bPq#")
    assert text.endswith("\x1b\\\n")
    red = re.search(r"#(\d+);2;100;0;0", text)
    assert red is not None
    # Six full rows of three columns, and one more.
    assert text.removesuffix("\x1b\\\n").endswith(f"#{red[1]}~~~-#{red[1]}@@@")


@pytest.mark.parametrize("protocol", ["kitty", "iterm2", "sixel"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1b]0;title\x07",
        b"<svg onload='x'/>",
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\xff" * 8,
        png() + b"\0" * (9 << 20),
    ],
    ids=["empty", "escape", "svg", "bomb", "huge"],
)
def test_what_is_no_sane_picture_is_not_drawn(protocol: Protocol, data: bytes) -> None:
    assert drawn(data, protocol) is None


async def shown(
    monkeypatch: pytest.MonkeyPatch,
    items: Sequence[BaseAgentEvent | BaseChatMessage],
    *,
    terminal: bool = True,
    **options: Any,
) -> str:
    for name in ("TMUX", "KITTY_WINDOW_ID", "LC_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TERM_PROGRAM", "iTerm.app")
    file = io.StringIO()
    console = RichConsole(file=file, force_terminal=terminal, width=80)
    await Console(stream_of(items), console=console, **options)
    return file.getvalue()


def pictures_everywhere() -> list[BaseAgentEvent | BaseChatMessage]:
    result = CodeResult(
        exit_code=0,
        output="",
        outputs=(RichOutput({"image/png": PICTURE.data, "text/plain": "x"}),),
        artifacts=(Artifact("chart.png", 9, "image/png"), Artifact("a.csv", 9, "text/csv")),
    )
    return [
        MultiModalMessage(content=["look", PICTURE], source="user"),
        CodeExecutionEvent(source="runner", retry_attempt=0, result=result),
    ]


async def test_pictures_are_drawn_where_the_terminal_can(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"chart.png": png(), "a.csv": b"a,b"}
    text = await shown(monkeypatch, pictures_everywhere(), read_file=files.get)
    assert text.count("\x1b]1337;File=inline=1") == 3


@pytest.mark.parametrize("options", [{"no_inline_images": True}, {"terminal": False}])
async def test_pictures_are_named_where_it_cannot_or_shall_not(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    text = await shown(
        monkeypatch, pictures_everywhere(), read_file={"chart.png": png()}.get, **options
    )
    assert "\x1b]1337" not in text
    assert text.count("PNG, ") == 2
    assert "chart.png" in text


async def test_the_pictures_of_a_tool_are_drawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer([CALL, "A cat."]) as server:
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        agent = AssistantAgent("a", client, tools=[camera], reflect_on_tool_use=True)
        result = await agent.run(task="?", cancellation_token=CancellationToken())
    text = await shown(monkeypatch, result.messages)
    assert text.count("\x1b]1337;File=inline=1") == 1
