"""What attacks are tried on: executors of the contract, commands of peers, and nothing at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...executors.block import CodeBlock
from ...executors.factory import create_executor
from ...sandbox.errors import SandcrewError, UsageError
from ...sandbox.policy import Policy
from .attack import ABILITIES, LIMITS, Evidence
from .host_process import Reader, run_on_host
from .host_side import use_tools
from .program import APPLICATION, in_two, start_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...executors.base import CodeExecutor
    from ...sandbox.result import CodeResult
    from .attack import Attack
    from .place import Place

GRACE_SECONDS = 7.0
"""How long after its limit a run may still be there: a kernel has three to obey, and the machine is
busy with other attacks. None of them ends by itself as soon as that."""
_KEPT_BYTES = 4 << 20
_APPLICATION_GRACE, _CARELESS_GRACE = 40.0, 4.0
"""For its imports, on a busy machine; a host without care imports nothing of ours."""


@dataclass(slots=True)
class Observed:
    """What came back from a run."""

    output: str = ""
    size: int = 0
    """Bytes of output that reached the caller."""
    overran: bool = False
    collected: bytes = b""
    """The content of the files that came back."""
    error: str = ""
    """Why there was no run."""
    status: int = 0
    """The exit code that the caller was told."""
    screen: bytes = b""
    """What was written to the host's terminal or pipe, as it was written."""
    host_memory: int = 0
    """The most memory of its own that the host's process had."""
    host_overran: bool = False
    """The host's process was still busy long after the run's time."""
    notebooks: tuple[Path, ...] = ()
    """The notebooks the host was to keep."""


class Subject(Protocol):
    """Something that runs programs."""

    @property
    def name(self) -> str: ...

    @property
    def confined(self) -> bool: ...

    def cannot(self, attack: Attack) -> str:
        """Why the attack makes no sense here, or nothing."""
        ...

    async def run(self, attack: Attack, programs: Sequence[str], place: Place) -> Observed: ...


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "jupyter-docker": ("jupyter", {"where": "docker"}),
}
"""Executors with options that make them another place, by the name of the subject."""


_ABILITIES: dict[str, tuple[str, ...]] = {
    "sandbox": ("packages",),
    "jupyter": ("packages", "relay"),
}


async def run_application(
    attack: Attack, place: Place, observed: Observed, contender: str, *, careless: bool = False
) -> None:
    """Run a program of the host beside an attack: its application, or a host without care."""
    code = attack.careless if careless else attack.code
    file = place.folder.parent / "application.py"
    values = {**place.places, "contender": contender, "seconds": attack.seconds}
    file.write_text(f"BAIT = {values!r}\n{start_line(place.places)}{APPLICATION}{code}")
    ran = await run_on_host(
        [sys.executable, str(file)],
        cwd=place.folder,
        seconds=attack.seconds + (_CARELESS_GRACE if careless else _APPLICATION_GRACE),
        env={**os.environ, "XDG_CACHE_HOME": str(place.folder.parent / "cache")},
    )
    observed.output += ran.output.decode(errors="replace")
    observed.screen += ran.output
    observed.size += ran.size
    observed.status = ran.status
    observed.host_overran |= ran.overran
    observed.host_memory = max(observed.host_memory, ran.memory)
    if ran.status and not (ran.overran or careless) and ran.memory < 2 * LIMITS.host_memory:
        observed.error = f"the application failed: {observed.output.strip()[-300:]}"


class ExecutorSubject:
    """An executor of the contract, by its name, or one of :data:`VARIANTS`; a new one for each
    attack."""

    def __init__(self, name: str, policy: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.policy = dict(policy or {})
        Policy.from_mapping(self.policy)  # refused now, not in the middle
        self._made_of, self._options = VARIANTS.get(name, (name, {}))
        self.confined = _quietly(self._made_of, self._options).confined
        self._abilities = _ABILITIES.get(name, ())

    def cannot(self, attack: Attack) -> str:
        missing = attack.needs and attack.needs not in self._abilities
        return ABILITIES[attack.needs] if missing else ""

    async def run(self, attack: Attack, programs: Sequence[str], place: Place) -> Observed:
        observed = Observed()
        if attack.role == "application":
            await run_application(attack, place, observed, self.name)
            return observed
        try:
            async with self._executor(attack, place) as executor:
                for number, text in enumerate(programs):
                    parts = [text]
                    if executor.stateful:
                        parts = in_two(text, place.places)
                        if number:  # what is one run elsewhere is a whole life there
                            await executor.restart()
                    for part in parts:
                        await self._run_one(executor, attack, part, observed)
        except Exception as error:
            observed.error = f"{type(error).__name__}: {error}"
        return observed

    async def _run_one(
        self, executor: CodeExecutor, attack: Attack, text: str, observed: Observed
    ) -> None:
        block = CodeBlock(code=text, language="python")
        try:
            async with asyncio.timeout(attack.seconds + GRACE_SECONDS):
                result = await executor.execute_code_blocks([block])
        except TimeoutError:
            observed.overran = True
            return
        observed.output += result.output
        observed.size += len(result.output.encode(errors="replace"))
        if attack.evidence == Evidence.COLLECTED:
            observed.collected += await _collect(executor, result)

    def _executor(self, attack: Attack, place: Place) -> CodeExecutor:
        folder = {"work_dir": place.folder} if "folder" in attack.requires else {}
        least = {**self._options, **folder}
        kernel = {"memory": LIMITS.kernel_memory} if self._made_of == "jupyter" else {}
        policy = policy_of(attack, {**kernel, **self.policy})
        for most in ({"policy": policy}, {"timeout": attack.seconds}):
            with contextlib.suppress(UsageError):
                return _quietly(self._made_of, {**least, **most})
        return _quietly(self._made_of, least)


def policy_of(attack: Attack, more: Mapping[str, Any]) -> Policy:
    """What every run may use, and ``more``."""
    return Policy.from_mapping(
        {
            "timeout": attack.seconds,
            "memory": LIMITS.memory,
            "processes": LIMITS.processes,
            "disk": LIMITS.disk,
            "files": LIMITS.files,
            "output": LIMITS.output,
            **more,
        }
    )


def _quietly(name: str, options: dict[str, Any]) -> CodeExecutor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is unconfined is the point
        return create_executor(name, **options)


async def _collect(executor: CodeExecutor, result: CodeResult) -> bytes:
    """What a caller has who reads every file that the run left, as the executor gives it."""
    read_file: Any = getattr(executor, "read_file", None)
    if read_file is None:
        return b""
    found = b""
    for artifact in result.artifacts:
        with contextlib.suppress(OSError, SandcrewError):
            found += await read_file(artifact.path)
    return found


class CommandSubject:
    """A command with ``{file}``, ``{folder}`` and ``{name}``: a peer, or nothing but Python.

    The harness limits its time by killing the process group of the command; what the command
    does not end with itself is still there afterwards, and that is a leak.
    """

    def __init__(self, name: str, template: str, *, confined: bool = True) -> None:
        self.name = name
        self.confined = confined
        self._template = shlex.split(template)
        if not any("{file}" in part or "{name}" in part for part in self._template):
            raise UsageError(f"--peer {name}: the command must have {{file}} or {{name}} in it.")

    @classmethod
    def parse(cls, text: str) -> CommandSubject:
        """``NAME=COMMAND``.

        Raises
        ------
        UsageError
            It is not.
        """
        name, separator, template = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"--peer {text}: write NAME=COMMAND with {{file}} in it.")
        try:
            return cls(name.strip(), template)
        except ValueError as error:
            raise UsageError(f"--peer {name}: {error}.") from error

    def cannot(self, attack: Attack) -> str:
        if attack.evidence == Evidence.COLLECTED and self.confined:
            return "a command brings no files back"
        return ABILITIES[attack.needs] if attack.needs and self.confined else ""

    async def run(self, attack: Attack, programs: Sequence[str], place: Place) -> Observed:
        observed = Observed()
        if attack.role == "program":
            await self._run_all(attack, programs, place, observed)
        if attack.careless and not self.confined:
            await run_application(attack, place, observed, self.name, careless=True)
            observed.notebooks = tuple(place.folder.parent.glob("*/saved.ipynb"))
        if attack.evidence == Evidence.EXECUTED:
            use_tools(place.kept)
        return observed

    async def _run_all(
        self, attack: Attack, programs: Sequence[str], place: Place, observed: Observed
    ) -> None:
        for number, text in enumerate(programs):
            file = place.folder / f"attack{number}.py"
            file.write_text(text)
            try:
                await self._run_one(attack, file, observed)
            except OSError as error:
                observed.error = f"{self._template[0]}: {error.strerror}"
                return
        if attack.evidence == Evidence.COLLECTED:
            observed.collected = await asyncio.to_thread(naively_collected, place.folder)

    async def _run_one(self, attack: Attack, file: Path, observed: Observed) -> None:
        values = {"file": str(file), "folder": str(file.parent), "name": file.name}
        argv = [_filled(part, values) for part in self._template]
        # A shell in between: attacks on their parent must not hit the harness.
        read, write = os.pipe()
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's would wait for survivors' pipes
            ["sh", "-c", '"$@"; exit $?', "sh", *argv],
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            close_fds=False,  # what is inheritable is inherited: it is bait
            start_new_session=True,
        )
        os.close(write)
        reader = Reader(read)
        reader.start()
        try:
            ended = await _ended(process, attack.seconds)
            # Nothing limits the time of an unconfined program.
            observed.overran = not ended and not self.confined
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)
            await asyncio.to_thread(reader.join, 0.3)  # a survivor may hold the pipe
        observed.output += bytes(reader.kept).decode(errors="replace")
        observed.screen += bytes(reader.kept)
        observed.size += reader.size
        observed.status = process.returncode


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends in time. Asked again and again, for others may wait for it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while process.poll() is None:
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


def _filled(part: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        part = part.replace(f"{{{key}}}", value)
    return part


def naively_collected(folder: Path) -> bytes:
    """Reads the files of a run as a script would that does not think of attacks."""
    found = b""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                found += path.read_bytes()[:_KEPT_BYTES]
    return found


CONTROL = CommandSubject(
    "no confinement", f"{shlex.quote(sys.executable)} {{file}}", confined=False
)
