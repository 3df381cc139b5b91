"""Attacks as cells of a live session, here or in a container, and of a branch of one."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

from ...executors.factory import create_executor
from ...sandbox.errors import SandcrewError
from ...sandbox.policy import Policy
from .attack import ABILITIES, Evidence
from .subjects import GRACE_SECONDS, Observed, policy_of, run_application

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from ...executors.sandboxed import SandboxedExecutor
    from ...sandbox.result import CellResult
    from ...sandbox.sandbox import Sandbox
    from ...sandbox.session import Session
    from .attack import Attack
    from .place import Place

LIVE = {
    "session": ("sandbox", "session"),
    "branch": ("sandbox", "branch"),
    "docker-session": ("docker", "session"),
    "docker-branch": ("docker", "branch"),
}
"""The executor whose sandbox it is in, and what, by the name of the subject."""


class LiveSubject:
    """One of :data:`LIVE`; a new sandbox for each attack.

    The second program of an attack has a session of its own in the same sandbox, or is a branch's
    sibling, while the first is still there: nothing may pass between them.
    """

    confined = True

    def __init__(self, name: str, policy: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._executor, self._kind = LIVE[name]
        self.policy = dict(policy or {})
        Policy.from_mapping(self.policy)  # refused now, not in the middle

    def cannot(self, attack: Attack) -> str:
        missing = attack.needs and attack.needs != self.name
        return ABILITIES[attack.needs] if missing else ""

    async def run(self, attack: Attack, programs: Sequence[str], place: Place) -> Observed:
        observed = Observed()
        if attack.role == "application":
            await run_application(attack, place, observed, self.name)
            return observed
        folder = {"workdir": place.folder} if "folder" in attack.requires else {}
        policy = policy_of(attack, {**folder, **self.policy})
        try:
            executor = cast("SandboxedExecutor", create_executor(self._executor, policy=policy))
            async with executor, contextlib.aclosing(self._sessions(executor.sandbox)) as sessions:
                for text in programs:
                    session = await anext(sessions)
                    await _run_one(session, attack, text, observed)
        except Exception as error:
            observed.error = f"{type(error).__name__}: {error}"
        return observed

    async def _sessions(self, box: Sandbox) -> AsyncGenerator[Session, None]:
        """One after another, each of which lives on until this is closed."""
        async with AsyncExitStack() as stack:
            if self._kind == "session":
                while True:
                    yield await stack.enter_async_context(box.session())
            parent = await stack.enter_async_context(box.session())
            await parent.run("state = 'of the parent'")
            while True:
                yield await stack.enter_async_context(parent.branch())


async def _run_one(session: Session, attack: Attack, text: str, observed: Observed) -> None:
    try:
        async with asyncio.timeout(attack.seconds + GRACE_SECONDS):
            result = await session.run(text)
    except TimeoutError:
        observed.overran = True
        return
    observed.output += result.output
    observed.size += len(result.output.encode(errors="replace"))
    if attack.evidence == Evidence.COLLECTED:
        observed.collected += await _collect(session, result)


async def _collect(session: Session, result: CellResult) -> bytes:
    found = b""
    for artifact in result.artifacts:
        with contextlib.suppress(OSError, SandcrewError):
            found += await session.read_file(artifact.path)
    return found
