"""To whom a message is addressed."""

from typing import TYPE_CHECKING, cast

from ..messages import BaseChatMessage, HandoffMessage

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence


def recipients(message: BaseChatMessage | None) -> tuple[str, ...]:
    """The names in the ``to`` field of a message, or of the content of a structured one.

    One's own message types have that field as a ``str`` or a list of them; a
    :class:`HandoffMessage` is to its target. Nobody, if there is no such field or it is empty.
    """
    if message is None:
        return ()
    if isinstance(message, HandoffMessage):
        return (message.target,)
    to: object = getattr(message, "to", None)
    if to is None:
        to = getattr(getattr(message, "content", None), "to", None)
    if isinstance(to, str):
        return (to,) if to else ()
    if isinstance(to, list | tuple | set | frozenset):
        return tuple(dict.fromkeys(str(name) for name in cast("Iterable[object]", to)))
    return ()


def arrived(
    messages: "Sequence[BaseChatMessage]", names: "Container[str] | None" = None
) -> list[BaseChatMessage]:
    """The messages as a team inside is told them.

    A handoff to one of ``names`` (``None``: to anybody) has been followed already: to the team
    inside, which has members of its own, it is not addressed.
    """
    return [
        message.model_copy(update={"target": ""})
        if isinstance(message, HandoffMessage) and (names is None or message.target in names)
        else message
        for message in messages
    ]
