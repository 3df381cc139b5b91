"""The console: everything is shown once, and nothing a terminal would obey."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytest
from rich.console import Console as RichConsole

from sandcrew.agents import (
    ApprovalRequest,
    ApprovalResponse,
    AssistantAgent,
    CodeExecutorAgent,
    RoundRobinGroupChat,
    TaskResult,
    UserProxyAgent,
)
from sandcrew.agents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeOutputEvent,
    ModelClientStreamingChunkEvent,
    TextMessage,
    ThoughtEvent,
)
from sandcrew.agents.models import CreateResult, ReplayChatCompletionClient, RequestUsage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.agents.ui import Console, UserInputManager
from sandcrew.executors import Artifact, CodeResult, Denial, Usage, UsageError
from sandcrew.sandbox.intake.terminal import Cleaner, clean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sandcrew.executors import LocalCommandLineCodeExecutor

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

Entry = BaseAgentEvent | BaseChatMessage


async def stream_of(items: Sequence[Entry]) -> AsyncGenerator[Entry | TaskResult, None]:
    for item in items:
        yield item
    yield TaskResult(messages=list(items), stop_reason="enough", usage=RequestUsage(1200, 34))


async def shown(
    stream: AsyncGenerator[Any, None] | Sequence[Entry], *, terminal: bool = False, **options: Any
) -> str:
    """What the console prints."""
    file = io.StringIO()
    colors: Literal["truecolor"] | None = "truecolor" if terminal else None
    console = RichConsole(file=file, force_terminal=terminal, width=80, color_system=colors)
    items = stream_of(stream) if isinstance(stream, Sequence) else stream
    await Console(items, console=console, **options)
    return file.getvalue()


def chunk(text: str, of: str | None = "m") -> ModelClientStreamingChunkEvent:
    return ModelClientStreamingChunkEvent(content=text, source="a", full_message_id=of)


def plain(text: str) -> str:
    """Without colours: the only sequences the console itself may write."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


MAKE = """Here:

```python
import sys
print('to stdout')
print('to stderr', file=sys.stderr)
open('out.csv', 'w').write('1,2')
```
That is **all**."""


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_run_is_shown_from_the_task_to_the_tokens(
    terminal: bool, stream: bool, executor: LocalCommandLineCodeExecutor
) -> None:
    def allow(request: ApprovalRequest) -> ApprovalResponse:
        return ApprovalResponse(approved=True, reason="harmless")

    model = ReplayChatCompletionClient([MAKE])
    team = RoundRobinGroupChat(
        [
            AssistantAgent("coder", model, model_client_stream=stream),
            CodeExecutorAgent("runner", executor, approval_func=allow),
        ],
        max_turns=2,
    )
    async with executor:
        text = plain(await shown(team.run_stream(task="make it"), terminal=terminal))
    wanted = [
        "user", "make it", "coder", "import sys", "runner", "python, 4 lines",
        "May this code block run?", "approved: harmless", "│ to stdout", "exit 0",
        "out.csv", "text/csv, 3 B", "done", "Maximum number of turns 2 reached.", "tokens in",
    ]  # fmt: skip
    place = 0
    for word in wanted:
        place = text.find(word, place)
        assert place >= 0, f"{word!r} is missing or too early:\n{text}"
    for once in ("import sys", "│ to stdout", "│ to stderr", "make it", "exit 0"):
        assert text.count(once) == 1


async def test_piped_output_is_plain_text() -> None:
    text = await shown([TextMessage(content=MAKE, source="a")])
    assert MAKE in text
    assert "\x1b" not in text


async def test_on_a_terminal_code_is_in_colour_and_markdown_is_rendered() -> None:
    text = await shown([TextMessage(content=MAKE, source="a")], terminal=True)
    assert "38;2;" in text
    assert "```" not in text
    assert "**" not in text
    assert "[bold]" in plain(
        await shown([TextMessage(content="[bold]", source="a")], terminal=True)
    ), "markup of the console's own library is text"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("message_id", ["m", None])
async def test_a_streamed_message_is_not_shown_again(
    terminal: bool, message_id: str | None
) -> None:
    text = await shown(
        [
            chunk("Hel", message_id),
            chunk("lo", message_id),
            ThoughtEvent(content="a thought", source="a"),
            TextMessage(id="m", content="Hello", source="a"),
            TextMessage(content="Hello", source="a"),
        ],
        terminal=terminal,
    )
    assert plain(text).count("Hello") == 2
    assert plain(text).count("a thought") == 1


async def test_streamed_thoughts_are_not_shown_again() -> None:
    text = await shown([
        chunk("<think>Hm"), chunk(".</think>"), chunk("Yes."),
        ThoughtEvent(content="Hm.", source="a"), TextMessage(id="m", content="Yes.", source="a"),
    ])  # fmt: skip
    assert text.count("Hm.") == 1
    assert text.count("Yes.") == 1
    assert "think>" not in text


HOSTILE = [
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b]0;owned\x07",  # sets the title
    "\x1b]52;c;aGVsbG8=\x1b\\",  # fills the clipboard
    "\x1b]8;;http://evil\x1b\\",  # a hidden link
    "\x1bPq#0\x1b\\",  # a device control string
    "\x9b31m",  # the one-byte CSI
    "\x1bc",  # resets the terminal
    "\x08\x08\x00\x7f\x0e",
]


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
async def test_nothing_a_terminal_obeys_gets_through(attack: str, terminal: bool) -> None:
    evil = f"be{attack}fore"
    result = CodeResult(
        exit_code=0,
        output=evil,
        artifacts=(Artifact(evil, 1, evil),),
        denials=(Denial(evil, evil, evil),),
        limit_hit=evil,
    )
    text = await shown(
        [
            TextMessage(content=f"{evil}\n```{evil}\n{evil}\n```\n", source=evil),
            chunk(evil),
            *(chunk(character) for character in evil),
            ThoughtEvent(content=evil, source="a"),
            CodeOutputEvent(content=evil, source="r"),
            CodeOutputEvent(content=evil, source="r", stream="stderr"),
            CodeExecutionEvent(retry_attempt=0, result=result, source="r"),
        ],
        terminal=terminal,
    )
    left = plain(text)
    assert "before" in left
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", left), repr(left)


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
async def test_of_what_models_say_nothing_is_left_out(attack: str, terminal: bool) -> None:
    evil = f"be{attack}fore"
    text = await shown(
        [TextMessage(content=f"```python\n{evil}\n```", source="a")], terminal=terminal
    )
    left = plain(text)
    assert (
        "".join(
            character if character.isprintable() else f"⟦U+{ord(character):04X}⟧"
            for character in evil
        )
        in left
    )


def test_hidden_direction_marks_are_made_visible() -> None:
    assert clean("a\u202eb") == "a⟦U+202E⟧b"


def test_a_sequence_cut_in_two_is_still_one() -> None:
    for attack in HOSTILE[:5]:
        for cut in range(1, len(attack)):
            cleaner = Cleaner()
            text = cleaner.feed("x" + attack[:cut]) + cleaner.feed(attack[cut:] + "y")
            assert text == "xy", repr(attack[:cut])


def test_a_sequence_that_never_ends_does_not_hide_the_rest() -> None:
    cleaner = Cleaner()
    cleaner.feed("\x1b]0;")
    text = "".join(cleaner.feed("x" * 100) for _ in range(50))
    assert len(text) > 3000


async def test_progress_bars_end_as_their_last_state() -> None:
    pieces = ["0%", "\r50%", "\r10", "0%\n", "next\r\n", "line"]
    events = [CodeOutputEvent(content=piece, source="r") for piece in pieces]
    text = await shown(events)
    assert [line for line in text.splitlines() if "│" in line] == [
        "  │ 100%",
        "  │ next",
        "  │ line",
    ]


@pytest.mark.parametrize("terminal", [False, True])
async def test_the_two_streams_do_not_share_a_line(terminal: bool) -> None:
    events = [
        CodeOutputEvent(content="out", source="r"),
        CodeOutputEvent(content="err\n", source="r", stream="stderr"),
        CodeOutputEvent(content="\nmore\n\n", source="r"),
    ]
    text = plain(await shown(events, terminal=terminal))
    lines = [line.strip() for line in text.splitlines() if "│" in line]
    assert lines == ["│ out", "│ err", "│ more", "│"]


async def test_a_result_without_streamed_output_is_shown_too() -> None:
    result = CodeResult(
        exit_code=124,
        output="partial\n",
        timed_out=True,
        truncated=True,
        duration=2.5,
        usage=Usage(peak_memory=5_000_000),
        denials=(Denial("network", "example.org", "not allowed"),),
    )
    text = await shown([CodeExecutionEvent(retry_attempt=0, result=result, source="r")])
    assert "│ partial" in text
    assert "exit 124 · 2.50 s · time limit · 5.0 MB peak · output shortened" in text
    assert "network example.org: not allowed" in text


async def test_a_terminal_without_unicode_gets_ascii() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    result = CodeResult(exit_code=0, output="x")
    stream = stream_of([CodeExecutionEvent(retry_attempt=0, result=result, source="r")])
    await Console(stream, console=RichConsole(file=file, width=80))
    file.seek(0)
    assert "ok: exit 0" in file.read()


async def test_the_end_says_why_and_how_much() -> None:
    text = await shown([TextMessage(content="x", source="a")])
    assert re.search(r"enough · 1,200 tokens in, 34 out · \d+\.\d s\n$", text)


async def test_the_tokens_of_each_message_are_shown_if_wanted() -> None:
    message = TextMessage(content="x", source="a", models_usage=RequestUsage(7, 8, 3, 2))
    text = await shown([message], output_stats=True)
    assert "7 tokens in, 8 out, 3 cached, 2 thought" in text


async def test_the_result_is_given_back() -> None:
    agent = AssistantAgent("a", ReplayChatCompletionClient(["Hello."]))
    console = RichConsole(file=io.StringIO())
    result = await Console(agent.run_stream(task="hi"), console=console)
    assert result.messages[-1].to_text() == "Hello."
    answer = CreateResult(
        finish_reason="stop", content="Yes.", usage=RequestUsage(1, 1), cached=False
    )
    agent = AssistantAgent("a", ReplayChatCompletionClient([answer]))
    turn = agent.on_messages_stream([TextMessage(content="?", source="b")], CancellationToken())
    response = await Console(turn, console=console)
    assert response.chat_message.to_text() == "Yes."


async def test_a_stream_without_a_result_is_an_error() -> None:
    async def nothing() -> AsyncGenerator[Entry | TaskResult, None]:
        return
        yield

    with pytest.raises(UsageError):
        await Console(nothing(), console=RichConsole(file=io.StringIO()))


@pytest.mark.parametrize("in_team", [False, True])
async def test_a_person_is_asked_through_the_manager_alone_and_in_a_team(in_team: bool) -> None:
    manager = UserInputManager(lambda prompt: f"heard {prompt}")
    person = UserProxyAgent("person", input_func=manager.get_wrapped_callback())
    runner = RoundRobinGroupChat([person], max_turns=1) if in_team else person
    async with asyncio.timeout(10):
        text = await shown(runner.run_stream(task="hi"), user_input_manager=manager)
    assert "heard Enter your response:" in text
    assert len(manager.requests) == 1


async def test_the_manager_does_not_wait_for_a_console() -> None:
    person = UserProxyAgent("person", input_func=UserInputManager(str.upper).get_wrapped_callback())
    async with asyncio.timeout(10):
        result = await person.run(task="hi")
    assert result.messages[-1].to_text() == "ENTER YOUR RESPONSE: "
