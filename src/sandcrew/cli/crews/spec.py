"""What a team's TOML file may say. It is data: it names no module and holds no code."""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelSpec(_Table):
    """A model of the server of the command line.

    Neither the server nor the key: who may name both could send the user's key anywhere.
    """

    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    seed: int | None = None


_KEYS = {
    "assistant": ("instructions", "model", "handoffs"),
    "executor": ("sources",),
    "coder": ("instructions", "model", "retries"),
    "surfer": ("model",),
    "person": (),
}
"""What a member of each kind has besides a name and a description."""


class AgentSpec(_Table):
    """A member: ``[[agents]]``."""

    name: str
    kind: Literal["assistant", "executor", "coder", "surfer", "person"] = "assistant"
    """``executor`` runs what others write, ``coder`` what it writes itself, ``surfer`` reads the
    workspace's files, ``person`` is whoever sits at the terminal."""
    description: str | None = None
    instructions: str | None = None
    model: str | None = None
    """A name of ``[models]``; by default the model of the command line."""
    handoffs: list[str] = Field(default_factory=list[str])
    sources: list[str] | None = None
    """Of an executor: whose code it runs; by default everybody's."""
    retries: int = Field(default=3, ge=0)
    """Of a coder."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        others = self.model_fields_set - {"name", "kind", "description", *_KEYS[self.kind]}
        if others:
            raise ValueError(f"of kind {self.kind!r} there is no {', '.join(sorted(others))}")
        return self


class Mention(_Table):
    """A text that ends the run."""

    text: str
    sources: list[str] | None = None


class TerminationSpec(_Table):
    """What ends a run: any of the keys; ``all`` holds tables of which each has to be met."""

    answered: str | None = None
    """The agent that says something without code."""
    mention: Mention | str | None = None
    handoff: str | None = None
    messages: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    no_progress: int | None = Field(default=None, ge=1)
    all: list["TerminationSpec"] = Field(default_factory=list["TerminationSpec"])

    def agents(self) -> Iterator[str]:
        """The members it names."""
        if self.answered is not None:
            yield self.answered
        if isinstance(self.mention, Mention):
            yield from self.mention.sources or ()
        for part in self.all:
            yield from part.agents()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("an empty table would never end the run")
        return self


class TeamSpec(_Table):
    """The whole file."""

    routing: Literal["round_robin", "selector", "swarm", "role_based", "broadcast", "magentic"] = (
        "round_robin"
    )
    admin: str | None = None
    """Of a role-based or broadcasting team."""
    model: str | None = None
    """Of a selector and of an orchestrator."""
    max_turns: int | None = Field(default=None, ge=1)
    agents: list[AgentSpec] = Field(min_length=1)
    models: dict[str, ModelSpec] = Field(default_factory=dict[str, ModelSpec])
    termination: TerminationSpec | None = None

    @model_validator(mode="after")
    def _fits_its_routing(self) -> Self:
        for key, routings in (
            ("admin", ("role_based", "broadcast")),
            ("model", ("selector", "magentic")),
        ):
            if getattr(self, key) is not None and self.routing not in routings:
                raise ValueError(f"{key} is for the routing {' and '.join(routings)} only")
        return self


def faults(errors: list[Any]) -> str:
    """What is wrong with a file, in one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'the file'}: {error['msg']}"
        for error in errors[:3]
    )
