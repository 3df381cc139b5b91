"""How errors reach the caller of a command: one line each, and an exit code."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ..sandbox.errors import SandcrewError, UsageError
from .terminal import note

EXIT_USAGE = 2
EXIT_BACKEND = 3
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


@dataclass
class Ending:
    """How a command ends."""

    code: int = 0


@contextmanager
def ended() -> Generator[Ending, None, None]:
    """Make exit codes of the errors that are no bugs."""
    ending = Ending()
    try:
        yield ending
    except UsageError as error:
        note(str(error))
        ending.code = EXIT_USAGE
    except SandcrewError as error:
        note(str(error))
        ending.code = EXIT_BACKEND
    except KeyboardInterrupt:
        ending.code = EXIT_INTERRUPTED
