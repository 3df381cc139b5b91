"""What is timed, round by round, in both libraries."""

from __future__ import annotations

import importlib
import sys
import tempfile
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..pairing import Timing, command, time_interleaved
from .library import OURS, PEER, Library, libraries, ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ALONE = "without a team"
TURNS = 200
CHUNKS = 500
_CODE = "```python\nprint(1 + 1)\n```"
_THEIRS = "import autogen_agentchat.teams"


async def turns(rounds: int) -> list[Timing]:
    """A round-robin team of two assistants; also the two without a team."""

    def in_team(library: Library) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            team = library.teams.RoundRobinGroupChat(library.pair(), max_turns=TURNS)
            result = await team.run(task="go")
            assert len(result.messages) == TURNS + 1

        return run

    async def alone() -> None:
        library = ours()
        pair, token = library.pair(), library.runtime.CancellationToken()
        message: Any = library.messages.TextMessage(content="go", source="user")
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
    from ...executors import CodeBlock, SandboxCodeExecutor

    def round_of(library: Library, executor: Any) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            coder = library.agents.AssistantAgent("coder", library.model(_CODE))
            runner = library.agents.CodeExecutorAgent("runner", executor)
            team = library.teams.RoundRobinGroupChat([coder, runner], max_turns=2)
            result = await team.run(task="go")
            assert "2" in result.messages[-1].to_text().splitlines(), result

        return run

    found = libraries()
    with tempfile.TemporaryDirectory() as folder:
        async with SandboxCodeExecutor() as sandbox:
            block = CodeBlock("print(1 + 1)", "python")
            subjects: dict[str, Callable[[], Awaitable[object]]] = {
                OURS: round_of(found[OURS], sandbox),
                ALONE: lambda: sandbox.execute_code_blocks([block]),
            }
            if PEER in found:
                local = importlib.import_module("autogen_ext.code_executors.local")
                executor = local.LocalCommandLineCodeExecutor(work_dir=folder)
                await executor.start()
                subjects[PEER] = round_of(found[PEER], executor)
            return await _compare(subjects, rounds)


async def imports(rounds: int) -> list[Timing]:
    """Importing the teams, as whole processes."""
    return await _compare(_programs("import sandcrew.agents", _THEIRS), rounds)


async def imports_of_names(rounds: int) -> list[Timing]:
    """The same, and what a team of two needs, which ours loads only then."""
    names = "from sandcrew.agents import AssistantAgent, RoundRobinGroupChat"
    theirs = f"{_THEIRS}; from autogen_agentchat.agents import AssistantAgent"
    return await _compare(_programs(names, theirs), rounds)


def _programs(ours: str, theirs: str) -> dict[str, Callable[[], Awaitable[object]]]:
    programs = {OURS: ours} | ({PEER: theirs} if PEER in libraries() else {})
    return {name: command(sys.executable, "-c", text) for name, text in programs.items()}


async def _compare(
    subjects: dict[str, Callable[[], Awaitable[object]]], rounds: int
) -> list[Timing]:
    floor = next(name for name in (PEER, ALONE, OURS) if name in subjects)
    return await time_interleaved(subjects, floor=floor, rounds=rounds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Something both libraries do, and the ratio ours is meant to stay below."""

    title: str
    measure: Callable[[int], Awaitable[list[Timing]]]
    per: int
    unit: str
    limit: float | None

    def as_text(self, timings: list[Timing]) -> str:
        """The rows, and whether the limit is kept."""
        rows = [
            f"{self.title:20} {row.name:15} {row.seconds / self.per * 1e6:10.1f} µs/{self.unit}  "
            f"{row.ratio:7.3f} x {row.floor}"
            for row in timings
        ]
        mine = next(row for row in timings if row.name == OURS)
        if mine.floor == PEER and self.limit is not None:
            verdict = "met" if mine.ratio <= self.limit else "MISSED"
            rows.append(f"{'':20} limit {self.limit:.2f} x {PEER}: {verdict}")
        return "\n".join(rows)


COMPARISONS = (
    Comparison("turn", turns, TURNS, "turn", 0.2),
    Comparison("streamed chunk", chunks, CHUNKS, "chunk", 0.1),
    Comparison("coder and executor", code_rounds, 1, "round", 0.33),
    Comparison("import", imports, 1, "import", 0.5),
    Comparison("import of two names", imports_of_names, 1, "import", None),
)
