"""What is shown while somebody waits for an image."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from .terminal import note, one_line

if TYPE_CHECKING:
    from ..executors import CodeExecutor, ImageProgress

_MOST = 100
"""Characters of a step that are shown."""


@asynccontextmanager
async def started(executor: "CodeExecutor") -> AsyncGenerator[None, None]:
    """Use an executor; what its start waits for is shown on a terminal, and told elsewhere."""
    try:
        await _start(executor)
        yield
    finally:
        await executor.stop()


async def _start(executor: "CodeExecutor") -> None:
    async with aclosing(executor.start_stream()) as steps:
        async for first in steps:
            if sys.stderr.isatty():
                await show(steps, f"pulling {first.image}")
            else:
                note(f"pulling {first.image}")
                async for _ in steps:
                    pass


async def show(steps: "AsyncGenerator[ImageProgress, None]", what: str) -> None:
    """Show one step after the other in the same line; elsewhere than on a terminal, in its own."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    with console.status(Text(what)) as status:
        async with aclosing(steps):
            async for step in steps:
                text = one_line(_words(step))
                status.update(Text(f"{what}: {text[:_MOST]}"))
                if not console.is_terminal:
                    note(text)


def _words(step: "ImageProgress") -> str:
    parts = [step.layer, step.step]
    if step.done is not None and step.total:
        parts.append(f"{step.done / 1e6:.1f} of {step.total / 1e6:.1f} MB")
    return " ".join(filter(None, parts))
