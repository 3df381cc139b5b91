"""A crew as a TOML file describes it."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...agents import (
    AssistantAgent,
    BaseGroupChat,
    FileSurfer,
    GroupChat,
    MagenticOneGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
    UserProxyAgent,
)
from ...agents.base import ChatAgent
from ...agents.models import ChatCompletionClient
from ...agents.teams.turns import out_of_turns
from ...sandbox.errors import UsageError
from .crew import INSTRUCTIONS, Crew, Means
from .spec import AgentSpec, TeamSpec, faults
from .termination import condition_of

_LARGEST = 1 << 20  # bytes


def crew_from_file(path: Path) -> Callable[[Means], Crew]:
    """What makes the crew.

    Raises
    ------
    UsageError
        The file cannot be read, or is no description of a team.
    """
    spec = read_spec(path)
    return lambda means: _Builder(spec, means).crew()


def read_spec(path: Path) -> TeamSpec:
    """The description in a file.

    Raises
    ------
    UsageError
        It cannot be read, or is none.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"--team {path}: this is no file.")
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise UsageError(f"--team {path}: it is too long to describe a team.")
        spec = TeamSpec.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise UsageError(f"--team {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--team {path}: this is not TOML: {error}.") from error
    except ValidationError as error:
        raise UsageError(f"--team {path}: {faults(error.errors())}.") from error
    _check_names(path, spec)
    return spec


def _check_names(path: Path, spec: TeamSpec) -> None:
    """Names that lead nowhere are told now, not in the middle of the work."""
    known = {agent.name for agent in spec.agents}
    for what, name in (
        *(("model", model) for model in (spec.model, *(a.model for a in spec.agents))),
        *(("agent", name) for a in spec.agents for name in a.sources or ()),
        ("agent", spec.admin),
        *(("agent", name) for name in (spec.termination.agents() if spec.termination else ())),
    ):
        if name is not None and name not in (spec.models if what == "model" else known):
            raise UsageError(f"--team {path}: there is no {what} {name!r} in it.")


class _Builder:
    def __init__(self, spec: TeamSpec, means: Means) -> None:
        self._spec = spec
        self._means = means
        self._turns = spec.max_turns or means.max_turns

    def crew(self) -> Crew:
        team = self._team([self._agent(spec) for spec in self._spec.agents])
        if isinstance(team, MagenticOneGroupChat):
            return Crew(team, lambda _: team.satisfied)
        if self._spec.termination is None:
            return Crew(team, lambda _: True)
        return Crew(team, lambda result: result.stop_reason != out_of_turns(self._turns))

    def _team(self, agents: list[ChatAgent]) -> BaseGroupChat:
        spec = self._spec
        ends: dict[str, Any] = {"max_turns": self._turns}
        if spec.termination is not None:
            ends["termination_condition"] = condition_of(spec.termination)
        match spec.routing:
            case "round_robin":
                return RoundRobinGroupChat(agents, **ends)
            case "swarm":
                return Swarm(agents, **ends)
            case "selector":
                return SelectorGroupChat(agents, self._client(spec.model), **ends)
            case "magentic":
                return MagenticOneGroupChat(agents, self._client(spec.model), **ends)
            case "role_based" | "broadcast":
                admin = next((agent for agent in agents if agent.name == spec.admin), None)
                return GroupChat(agents, spec.routing, admin_agent=admin, **ends)

    def _agent(self, spec: AgentSpec) -> ChatAgent:
        described: dict[str, Any] = (
            {} if spec.description is None else {"description": spec.description}
        )
        match spec.kind:
            case "assistant":
                return AssistantAgent(
                    spec.name,
                    self._client(spec.model),
                    handoffs=spec.handoffs,
                    system_message=self._means.told(spec.instructions or INSTRUCTIONS),
                    model_client_stream=True,
                    **described,
                )
            case "executor":
                return self._means.runner(spec.name, sources=spec.sources, **described)
            case "coder":
                return self._means.runner(
                    spec.name,
                    model_client=self._client(spec.model),
                    model_client_stream=True,
                    max_retries_on_error=spec.retries,
                    system_message=self._means.told(spec.instructions or INSTRUCTIONS),
                    **described,
                )
            case "surfer":
                return FileSurfer(
                    spec.name, self._client(spec.model), files=self._means.executor, **described
                )
            case "person":
                return UserProxyAgent(spec.name, **described)

    def _client(self, name: str | None) -> ChatCompletionClient:
        if name is None:
            return self._means.client()
        return self._means.client(**self._spec.models[name].model_dump(exclude_none=True))
