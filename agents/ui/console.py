"""The console: prints a run while it happens."""

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from ...sandbox.errors import UsageError
from ..base.chat_agent import Response
from ..base.task import TaskResult
from ..messages import BaseAgentEvent, BaseChatMessage, UserInputRequestedEvent
from ..terminal_turn import terminal_turn
from .user_input import UserInputManager

if TYPE_CHECKING:
    from rich.console import Console as Screen

T = TypeVar("T", bound=TaskResult | Response)


async def Console(  # noqa: N802 (AutoGen's name)
    stream: AsyncGenerator[BaseAgentEvent | BaseChatMessage | T, None],
    *,
    no_inline_images: bool = False,
    output_stats: bool = False,
    user_input_manager: UserInputManager | None = None,
    console: "Screen | None" = None,
    read_file: Callable[[str], bytes | None] | None = None,
) -> T:
    """Print what a run or a turn tells, and give its result.

    Who speaks, prose, code in colours, the program's output while it is printed, exit codes,
    files, pictures, approvals, retries, the seconds while nothing happens, and at the end tokens
    and time. Colours only on a terminal; text of models and programs is freed of everything a
    terminal would obey.

    Parameters
    ----------
    stream:
        Of ``run_stream()`` or ``on_messages_stream()``; closed at the end, whatever happens.
    no_inline_images:
        Name pictures, also where the terminal could draw them (kitty, iTerm2 and sixel can).
    output_stats:
        Print the tokens of each message too.
    user_input_manager:
        Told of the requests for input that are shown.
    console:
        Where to print; by default standard output.
    read_file:
        The content of a file that code left, by its path in the workspace: so that charts are
        drawn too.

    Raises
    ------
    UsageError
        The stream ended without a result.
    """
    # rich takes longer to import than all the rest.
    from rich.console import Console as Screen

    from .gallery import Gallery
    from .printer import Printer
    from .style import signs_for

    screen = console or Screen(highlight=False)
    if console is None:
        _show_unknown_characters()
    gallery = Gallery.of_terminal(
        screen, signs_for(screen), inline=not no_inline_images, read_file=read_file
    )
    printer = Printer(screen, output_stats=output_stats, pictures=gallery)
    last: T | None = None
    async with printer.elapsed.ticking(), aclosing(stream):
        async for item in stream:
            # What another agent tells meanwhile must not come between code and the question.
            async with terminal_turn():
                if isinstance(item, TaskResult | Response):
                    last = item
                    printer.show_result(item)
                else:
                    printer.show(item)
            if isinstance(item, UserInputRequestedEvent) and user_input_manager is not None:
                user_input_manager.notify_event_received(item.request_id)
    if last is None:
        raise UsageError("The stream ended without a TaskResult or a Response.")
    return last


def _show_unknown_characters() -> None:
    """Write what standard output cannot encode as escapes: no message may end a run."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None and sys.stdout.errors == "strict":
        reconfigure(errors="backslashreplace")


RichConsole = Console
"""AutoGen's name for the one on rich, which this is."""
