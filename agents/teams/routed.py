"""A team whose routing is a word, or a function."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Literal, get_args

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import BaseAgentEvent, BaseChatMessage
from ..runtime import CancellationToken
from .group_chat import BaseGroupChat
from .recipients import recipients
from .steps import End, Entry, Next

Routing = Literal["round_robin", "role_based", "broadcast"]
Answer = str | Sequence[str] | None
RoutingFunc = Callable[[Sequence[Entry]], Answer | Awaitable[Answer]]


class GroupChat(BaseGroupChat):
    """Routes each message by a simple rule, which an admin may override.

    Parameters
    ----------
    participants:
        Agents and teams, at least one, with different names.
    routing:
        ``"round_robin"``: one after the other. ``"role_based"``: whoever the ``to`` field of the
        last message names, several at the same time (the first participant takes a task that names
        nobody). ``"broadcast"``: all but the admin at the same time, each having heard the round
        before. A function, sync or async, of everything that happened so far: it gives a name,
        several, or ``None``.
    admin_agent:
        Speaks when a message is to it, and when the routing names nobody or somebody who is not
        here. Whenever it speaks, the ``to`` of its message overrides the routing. It may be one of
        the participants.
    max_turns:
        How many turns end a run; members that speak together take one turn.
    name, description, termination_condition, custom_message_types, emit_team_events:
        As for :class:`RoundRobinGroupChat`.

    Raises
    ------
    UsageError
        No participants, two of one name, or an unknown routing.
    """

    def __init__(  # noqa: PLR0913 (what teams have in common)
        self,
        participants: Sequence[ChatAgent | Team],
        routing: Routing | RoutingFunc = "round_robin",
        *,
        admin_agent: ChatAgent | Team | None = None,
        max_turns: int | None = None,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        custom_message_types: Sequence[type[BaseAgentEvent | BaseChatMessage]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        listed = admin_agent is None or any(member is admin_agent for member in participants)
        super().__init__(
            participants if listed or admin_agent is None else [*participants, admin_agent],
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        if not callable(routing) and routing not in get_args(Routing):
            raise UsageError(
                f"routing is one of {', '.join(get_args(Routing))}, or a function; not {routing!r}."
            )
        self._routing: Routing | RoutingFunc = routing
        self._admin = None if admin_agent is None else admin_agent.name
        admin_too = listed and routing != "broadcast"
        self._order = tuple(n for n in self._members if admin_too or n != self._admin)
        if not self._order:
            raise UsageError(f"Team {self._name!r} has nobody but its admin.")
        self._next = 0
        self._to: tuple[str, ...] = ()
        self._spoke: tuple[str, ...] = ()

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        names = await self._routed()
        strangers = [name for name in names if name not in self._members]
        if strangers or not names:
            if self._admin is None or self._admin in self._spoke:
                yield End(self._nobody(strangers))
                return
            names = (self._admin,)
        self._to, self._spoke = (), ()
        yield Next(names)

    async def _routed(self) -> tuple[str, ...]:
        """Whom the admin, or else the rule, names."""
        if self._admin is not None and self._admin in self._to:
            return (self._admin,)
        if self._to and (self._routing == "role_based" or self._admin in self._spoke):
            return self._to
        if callable(self._routing):
            answer = self._routing(self._conversation.thread)
            names = await answer if isawaitable(answer) else answer
            return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names or ()))
        if self._routing == "broadcast":
            return self._order
        if self._routing == "round_robin" or not self._spoke:
            return (self._order[self._next],)
        return ()

    def _nobody(self, strangers: Sequence[str]) -> str:
        whom = ", ".join(map(repr, strangers)) or "nobody"
        here = ", ".join(self._members)
        return f"The routing names {whom}, so nobody of the team ({here}) can go on."

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        if member in self._order:
            self._next = (self._order.index(member) + 1) % len(self._order)
        if member == self._admin:
            self._to = recipients(message)
        elif self._admin not in self._spoke:  # What others say beside the admin does not count.
            self._to = tuple(dict.fromkeys([*self._to, *recipients(message)]))
        self._spoke = (*self._spoke, member)

    async def _new_task(self, task: Sequence[BaseChatMessage]) -> None:
        await super()._new_task(task)
        # In a team inside of another, the address may be the team's own.
        self._to = tuple(name for name in recipients(task[-1]) if name in self._members)
        self._spoke = ()

    async def _reset_speaker(self) -> None:
        self._next, self._to, self._spoke = 0, (), ()

    async def _save_speaker(self) -> Mapping[str, Any]:
        return {
            "next": self._order[self._next],
            "to": list(self._to),
            "spoke": list(self._spoke),
        }

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        name = state.get("next")
        if name not in self._order:
            raise UsageError(f"The saved state names a speaker who is not here: {name!r}.")
        self._next = self._order.index(name)
        self._to, self._spoke = tuple(state.get("to", ())), tuple(state.get("spoke", ()))
