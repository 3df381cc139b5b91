"""What was said in a team, and how much of it each member knows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from pydantic import ValidationError

from ...sandbox.errors import UsageError
from ..messages import BaseChatMessage, MessageFactory
from .steps import Entry

_TEAM = ""  # The author of what no member said: the task, and what the team itself has to say.


class SavedConversation(TypedDict):
    """A conversation as JSON."""

    message_thread: list[Mapping[str, Any]]
    aloud: list[tuple[int, str]]
    heard: Mapping[str, int]
    checked: int


class Conversation:
    """One thread for all that happened; what is said *aloud* in it is heard by the others.

    Each member has a mark up to where it has heard. Members that speak at the same time do not
    hear each other, so every line has its author, and nobody hears himself.
    """

    def __init__(self, members: Iterable[str]) -> None:
        self.thread: list[Entry] = []
        self._aloud: list[int] = []
        self._authors: list[str] = []
        self._heard = dict.fromkeys(members, 0)
        self._checked = 0

    def tell(self, messages: Sequence[BaseChatMessage]) -> None:
        """The task."""
        for message in messages:
            self.add(message, _TEAM)
        self._checked = len(self.thread)

    def add(self, entry: Entry, author: str = _TEAM, *, aloud: bool = True) -> None:
        """Something happened; events and what is not ``aloud`` nobody hears."""
        if aloud and isinstance(entry, BaseChatMessage):
            self._aloud.append(len(self.thread))
            self._authors.append(author)
        self.thread.append(entry)

    def now(self) -> int:
        """A mark."""
        return len(self._aloud)

    def unheard(self, member: str, until: int) -> list[BaseChatMessage]:
        """What the others said since the member's last turn, up to a mark."""
        lines = self._lines(self._heard[member], until)
        return [message for author, message in lines if author != member]

    def mark(self, member: str, now: int) -> None:
        """The member knows everything up to a mark."""
        self._heard[member] = now

    def said_aloud(self, start: int = 0) -> list[BaseChatMessage]:
        """Everything the members could hear, from a mark on."""
        return [message for _, message in self._lines(start, len(self._aloud))]

    def last_of(self, member: str) -> BaseChatMessage | None:
        """What the member said last."""
        for index, author in zip(reversed(self._aloud), reversed(self._authors), strict=True):
            if author == member:
                entry = self.thread[index]
                assert isinstance(entry, BaseChatMessage), "events are not said aloud"
                return entry
        return None

    def unchecked(self) -> Sequence[Entry]:
        """What no termination condition has seen, which counts as seen from here on."""
        entries = self.peek_unchecked()
        self._checked = len(self.thread)
        return entries

    def peek_unchecked(self) -> Sequence[Entry]:
        """The same, and it stays unseen."""
        return self.thread[self._checked :]

    def _lines(self, start: int, end: int) -> list[tuple[str, BaseChatMessage]]:
        lines: list[tuple[str, BaseChatMessage]] = []
        for place in range(start, end):
            entry = self.thread[self._aloud[place]]
            assert isinstance(entry, BaseChatMessage), "events are not said aloud"
            lines.append((self._authors[place], entry))
        return lines

    def places_of(self, entries: Sequence[Entry]) -> list[int]:
        """Where in the thread these are."""
        wanted = {id(entry) for entry in entries}
        return [place for place, entry in enumerate(self.thread) if wanted and id(entry) in wanted]

    def hush(self) -> None:
        """What was said so far nobody can hear any more; the thread keeps it."""
        self._aloud.clear()
        self._authors.clear()
        self._heard = dict.fromkeys(self._heard, 0)

    def clear(self) -> None:
        self.hush()
        self.thread.clear()
        self._checked = 0

    def save(self) -> SavedConversation:
        """The thread and the marks, as JSON."""
        return SavedConversation(
            message_thread=[entry.dump() for entry in self.thread],
            aloud=list(zip(self._aloud, self._authors, strict=True)),
            heard=dict(self._heard),
            checked=self._checked,
        )

    def load(self, saved: SavedConversation, factory: MessageFactory) -> None:
        """Go back to what :meth:`save` gave; ``factory`` knows the types of the messages.

        Raises
        ------
        UsageError
            It is of other members, holds a message of an unknown type, or is damaged.
        """
        heard = saved["heard"]
        if heard.keys() != self._heard.keys():
            raise UsageError(
                f"The saved state is of a team of {_names(heard)}; this one has "
                f"{_names(self._heard)}."
            )
        try:
            thread = [factory.create(entry) for entry in saved["message_thread"]]
        except ValidationError as error:
            raise UsageError(f"The saved state is damaged: {error}") from error
        if not _is_whole(saved, thread):
            raise UsageError("The saved state is damaged: it names messages that are not in it.")
        self.thread = thread
        self._aloud = [index for index, _ in saved["aloud"]]
        self._authors = [author for _, author in saved["aloud"]]
        self._heard = dict(heard)
        self._checked = saved["checked"]


def _is_whole(saved: SavedConversation, thread: Sequence[Entry]) -> bool:
    places = [place for place, _ in saved["aloud"]]
    return (
        all(0 <= p < len(thread) and isinstance(thread[p], BaseChatMessage) for p in places)
        and all(0 <= mark <= len(places) for mark in saved["heard"].values())
        and 0 <= saved["checked"] <= len(thread)
    )


def _names(members: Iterable[str]) -> str:
    return ", ".join(sorted(members)) or "nobody"
