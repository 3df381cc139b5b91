"""The ``sandcrew`` command."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 2 for a mistake of the caller, 3 for one of a backend.

    Parameters
    ----------
    args:
        The arguments; by default those of this process.
    """
    args = sys.argv[1:] if args is None else list(args)
    sys.exit(_run(args))


def _run(args: list[str]) -> int:
    # Imported here, so that importing this package costs nothing.
    from .ending import ended

    with ended() as ending:
        if len(args) == 2 and args[0] == "exec" and not args[1].startswith("-"):
            # Parsing options takes longer than running a small program; without any, go ahead.
            from .backend import Options
            from .execution import execute

            ending.code = execute(args[1], Options())
        else:
            from .app import run

            ending.code = run(args)
    return ending.code
