"""What the parts of the contract suite share: how tests run, and programs they run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import textwrap
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ...sandbox.result import CodeResult, OutputEvent
from ..block import CodeBlock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from ..blockwise import BlockwiseExecutor
    from ..cancellation import CancellationToken
    from ..events import ExecutionEvent


class ContractBase:
    """Runs ``async def test_…`` methods, and skips where a backend differs."""

    differences: ClassVar[Mapping[str, str]] = {}
    """Names of tests a backend does not pass, each with the reason."""
    safety_net: ClassVar[float] = 50
    """Seconds after which a test that hangs fails. No test takes nearly as long."""
    short: ClassVar[float] = 2
    """Time limit in seconds for programs that never end; enough to start an interpreter."""

    def make_executor(self, **options: Any) -> BlockwiseExecutor:
        """A new executor that is not started.

        ``options`` are some of ``timeout`` (seconds), ``functions`` and ``functions_module``.
        """
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, test in list(vars(cls).items()):
            if name.startswith("test_") and inspect.iscoroutinefunction(test):
                setattr(cls, name, _synchronous(test))
        unknown = [name for name in cls.differences if not hasattr(cls, name)]
        if unknown:
            raise TypeError(f"{cls.__name__}.differences names no test: {', '.join(unknown)}")


def _synchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(self: ContractBase, *args: object, **fixtures: object) -> None:
        reason = self.differences.get(test.__name__)
        if reason:
            pytest.skip(reason)

        async def bounded() -> None:
            async with asyncio.timeout(self.safety_net):
                await test(self, *args, **fixtures)

        asyncio.run(bounded())

    return run


def python(code: str) -> CodeBlock:
    return CodeBlock(textwrap.dedent(code), "python")


def bash(code: str) -> CodeBlock:
    return CodeBlock(textwrap.dedent(code), "bash")


async def run(
    executor: BlockwiseExecutor, *blocks: CodeBlock, token: CancellationToken | None = None
) -> CodeResult:
    return await executor.execute_code_blocks(blocks, token)


async def first_output(events: AsyncIterator[ExecutionEvent | CodeResult]) -> str:
    """Read on until the program has printed something."""
    async for event in events:
        if isinstance(event, OutputEvent):
            return event.text
    raise AssertionError("the program ended without a word")


async def last_result(events: AsyncIterator[ExecutionEvent | CodeResult]) -> CodeResult:
    """Read on until the end."""
    results = [event async for event in events if isinstance(event, CodeResult)]
    assert results, "no result came"
    return results[-1]


# These write by system call, for print() may hand over a text and its newline one by one.
ENDLESS = python("""
    import os, time
    os.write(1, b"begun\\n")
    while True:
        time.sleep(60)
""")

IGNORES_SIGTERM = python("""
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(1, b"begun\\n")
    while True:
        time.sleep(60)
""")

_LEAVE_A_DAEMON = """
import fcntl, os, time

readable, writable = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        lock = open("alive", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(writable, b"x")
        for fd in (0, 1, 2):
            os.dup2(os.open("/dev/null", os.O_RDWR), fd)
        while True:
            time.sleep(60)
    os._exit(0)
os.read(readable, 1)
os.wait()
"""
_LOOK_FOR_IT = """
import fcntl, os

try:
    fcntl.flock(open("alive", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(1, b"dead\\n")
except BlockingIOError:
    os.write(1, b"alive\\n")
"""

DAEMON = CodeBlock(_LEAVE_A_DAEMON + _LOOK_FOR_IT, "python")
"""Leaves a grandchild in a session of its own, prints that it is ``alive``, and ends.

The grandchild holds a lock on a workspace file, and the kernel drops a lock at its holder's death,
so that :data:`LOOK` can tell without waiting.
"""
ENDLESS_DAEMON = CodeBlock(f"{DAEMON.code}\nimport time\ntime.sleep(3600)\n", "python")
"""The same, but does not end."""
LOOK = CodeBlock(_LOOK_FOR_IT, "python")
"""Prints ``alive`` or ``dead``."""
