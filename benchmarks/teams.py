"""``python -m sandcrew.benchmarks.teams``: what a team costs beside the agents' own work.

The models answer at once, so that only the machinery is measured. Where autogen-agentchat 0.7.5 is
installed the same programs run there, interleaved with ours, and the ratios are to it; elsewhere
they are to the agents called one after the other without a team.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import importlib.util
import sys
import tempfile
import time
import tracemalloc
import warnings
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .pairing import Timing, command, time_interleaved

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

OURS, PEER, ALONE = "sandcrew", "autogen 0.7.5", "agents alone"
TURNS = 200
CHUNKS = 500
LIMITS = {"turn": 0.2, "streamed chunk": 0.1, "coder and executor": 0.33, "import": 0.5}
"""What the ratios are meant to stay below."""
_MODEL_INFO = {
    "vision": False,
    "function_calling": False,
    "json_output": False,
    "structured_output": False,
    "family": "unknown",
}
_CODE = "```python\nprint(1 + 1)\n```"


@dataclass(frozen=True)
class Library:
    """The same names from either library."""

    agents: Any
    teams: Any
    models: Any

    def model(self, text: str = "hello", chunks: int = 0) -> Any:
        """A model that answers at once, in so many pieces if it is streamed."""
        result = self.models.CreateResult(
            finish_reason="stop",
            content=text,
            usage=self.models.RequestUsage(prompt_tokens=1, completion_tokens=1),
            cached=False,
        )

        async def create(_: object, messages: object, **options: object) -> Any:
            return result

        async def create_stream(
            _: object, messages: object, **options: object
        ) -> AsyncGenerator[Any, None]:
            for _number in range(chunks):
                yield "x"
            yield result

        async def close(_: object) -> None: ...

        def zero(*_: object, **__: object) -> Any:
            return self.models.RequestUsage(prompt_tokens=0, completion_tokens=0)

        def none(*_: object, **__: object) -> int:
            return 0

        def info(_: object) -> Any:
            return _MODEL_INFO

        methods: dict[str, Any] = {
            "create": create,
            "create_stream": create_stream,
            "close": close,
            "actual_usage": zero,
            "total_usage": zero,
            "count_tokens": none,
            "remaining_tokens": none,
            "model_info": property(info),
            "capabilities": property(info),
        }
        return type("InstantModel", (self.models.ChatCompletionClient,), methods)()

    def pair(self) -> list[Any]:
        return [self.agents.AssistantAgent(name, self.model()) for name in ("a", "b")]


def ours() -> Library:
    root = __spec__.name.partition(".")[0]
    names = ("agents", "agents.teams", "agents.models")
    return Library(*(importlib.import_module(f"{root}.{name}") for name in names))


def libraries() -> dict[str, Library]:
    """Ours, and the peer where it is installed."""
    found = {OURS: ours()}
    if importlib.util.find_spec("autogen_agentchat") is not None:
        names = ("autogen_agentchat.agents", "autogen_agentchat.teams", "autogen_core.models")
        found[PEER] = Library(*(importlib.import_module(name) for name in names))
    return found


async def turns(rounds: int) -> list[Timing]:
    """A round-robin team of two assistants; also the two without a team."""

    def in_team(library: Library) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            team = library.teams.RoundRobinGroupChat(library.pair(), max_turns=TURNS)
            result = await team.run(task="go")
            assert len(result.messages) == TURNS + 1

        return run

    async def alone() -> None:
        from ..agents.messages import TextMessage
        from ..agents.runtime import CancellationToken

        pair, token = ours().pair(), CancellationToken()
        message: Any = TextMessage(content="go", source="user")
        for turn in range(TURNS):
            message = (await pair[turn % 2].on_messages([message], token)).chat_message

    subjects = {name: in_team(library) for name, library in libraries().items()}
    return await _compare(subjects | {ALONE: alone}, rounds)


async def chunks(rounds: int) -> list[Timing]:
    """A streamed answer in many pieces through a team."""

    def streamed(library: Library) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            agent = library.agents.AssistantAgent(
                "a", library.model(chunks=CHUNKS), model_client_stream=True
            )
            team = library.teams.RoundRobinGroupChat([agent], max_turns=1)
            count = 0
            async with aclosing(team.run_stream(task="go")) as items:
                async for _ in items:
                    count += 1
            assert count == CHUNKS + 3

        return run

    async def alone() -> None:
        async with aclosing(ours().model(chunks=CHUNKS).create_stream([])) as pieces:
            async for _ in pieces:
                pass

    subjects = {name: streamed(library) for name, library in libraries().items()}
    return await _compare(subjects | {ALONE: alone}, rounds)


async def code_rounds(rounds: int) -> list[Timing]:
    """A coder and an executor: ours in the sandbox, the peer's on the bare host."""
    from ..executors import SandboxCodeExecutor

    def round_of(library: Library, executor: Any) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            coder = library.agents.AssistantAgent("coder", library.model(_CODE))
            runner = library.agents.CodeExecutorAgent("runner", executor)
            team = library.teams.RoundRobinGroupChat([coder, runner], max_turns=2)
            result = await team.run(task="go")
            assert result.messages[-1].to_text().strip() == "2", result

        return run

    found = libraries()
    with tempfile.TemporaryDirectory() as folder:
        async with SandboxCodeExecutor() as sandbox:
            subjects = {OURS: round_of(found[OURS], sandbox)}
            if PEER in found:
                local = importlib.import_module("autogen_ext.code_executors.local")
                executor = local.LocalCommandLineCodeExecutor(work_dir=folder)
                await executor.start()
                subjects[PEER] = round_of(found[PEER], executor)
            return await _compare(subjects, rounds)


async def imports(rounds: int) -> list[Timing]:
    """Importing the teams, as whole processes."""
    subjects = {OURS: command(sys.executable, "-c", "import sandcrew.agents")}
    if PEER in libraries():
        subjects[PEER] = command(sys.executable, "-c", "import autogen_agentchat.teams")
    return await _compare(subjects, rounds)


async def _compare(
    subjects: dict[str, Callable[[], Awaitable[object]]], rounds: int
) -> list[Timing]:
    floor = next(name for name in (PEER, ALONE, OURS) if name in subjects)
    return await time_interleaved(subjects, floor=floor, rounds=rounds)


async def long_run(total: int = 10_000) -> str:
    """Whether the last turns of a long run are as fast as the first, and what it keeps."""
    from ..agents import BaseChatAgent, Response, RoundRobinGroupChat
    from ..agents.messages import BaseChatMessage, TextMessage

    class Instant(BaseChatAgent):
        @property
        def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
            return (TextMessage,)

        async def on_messages(self, messages: object, cancellation_token: object) -> Response:
            return Response(chat_message=TextMessage(content="hello", source=self.name))

        async def on_reset(self, cancellation_token: object) -> None: ...

    def team(count: int) -> RoundRobinGroupChat:
        return RoundRobinGroupChat([Instant("a", ""), Instant("b", "")], max_turns=count)

    async with aclosing(team(total).run_stream(task="go")) as items:
        marks = [time.perf_counter() async for _ in items]
    tenth = total // 10
    first, last = marks[tenth] - marks[0], marks[total] - marks[total - tenth]
    gc.collect()
    tracemalloc.start()
    messages = [TextMessage(content="hello", source="a") for _ in range(total)]
    alone = tracemalloc.get_traced_memory()[0]
    del messages
    gc.collect()
    start = tracemalloc.get_traced_memory()[0]
    kept = team(total)
    await kept.run(task="go")
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    return (
        f"{total:,} turns: the last tenth takes {last / first:.2f} x the first; "
        f"the team keeps {grown / alone:.2f} x the messages themselves"
    )


async def many_teams(count: int = 500) -> str:
    """Whether many teams at once in one process all come to their end."""
    library = ours()
    teams = [library.teams.RoundRobinGroupChat(library.pair(), max_turns=10) for _ in range(count)]
    results = await asyncio.gather(*(team.run(task="go") for team in teams), return_exceptions=True)
    failures = sum(isinstance(result, BaseException) for result in results)
    return f"{count} teams at once: {failures} failures"


def table(title: str, timings: list[Timing], per: int, unit: str) -> str:
    """The rows of one comparison, and whether ours is below its limit."""
    rows = [
        f"{title:20} {row.name:15} {row.seconds / per * 1e6:10.1f} µs/{unit}  "
        f"{row.ratio:7.3f} x {row.floor}"
        for row in timings
    ]
    limit, mine = LIMITS[title], next(row for row in timings if row.name == OURS)
    if mine.floor == PEER:
        verdict = "met" if mine.ratio <= limit else "MISSED"
        rows.append(f"{'':20} limit {limit:.2f} x {PEER}: {verdict}")
    return "\n".join(rows)


async def main(rounds: int = 15) -> None:
    warnings.simplefilter("ignore")  # The peer warns of its unconfined executor each time.
    if PEER not in libraries():
        print("autogen-agentchat is not installed here; there is nothing to compare with.\n")
    print(table("turn", await turns(rounds), TURNS, "turn"), flush=True)
    print(table("streamed chunk", await chunks(rounds), CHUNKS, "chunk"), flush=True)
    print(table("coder and executor", await code_rounds(rounds), 1, "round"), flush=True)
    print(table("import", await imports(rounds), 1, "import"), flush=True)
    print(await long_run(), flush=True)
    print(await many_teams(), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    asyncio.run(main(parser.parse_args().rounds))
