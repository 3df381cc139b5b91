"""Attacks on whole commands: ``sandcrew exec`` with a folder, a notebook kept, ``sandcrew run``.

Each is a process of its own, as a user starts it, so that what it costs the host can be seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from ...sandbox.policy import Policy
from .attack import ABILITIES, LIMITS, Evidence
from .host_process import Answers, run_on_host
from .host_side import use_tools
from .limited import LimitedExecutor
from .program import in_two
from .scripted_model import scripted_model
from .subjects import Observed, naively_collected, run_application

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .attack import Attack
    from .host_process import HostRun
    from .place import Place

_SANDCREW = (sys.executable, "-m", "sandcrew")
_GRACE_SECONDS = 40.0
"""How long after its limit a command may still be there: it has started Python twice and a kernel,
beside five others on few processors, before the time of its code begins."""
_EXECUTOR = f"{LimitedExecutor.__module__}:{LimitedExecutor.__qualname__}"
_BAR = "  \N{BOX DRAWINGS LIGHT VERTICAL} "
_FENCE = "`" * 12
_DONE = "Done."


class _Command:
    """A command of ours, with the policy of the suite in a file."""

    confined = True
    name: str
    abilities: frozenset[str]
    memory = LIMITS.memory

    def __init__(self, policy: Mapping[str, object] | None = None) -> None:
        self._policy = dict(policy or {})
        Policy.from_mapping(self._policy)  # refused now, not in the middle

    def cannot(self, attack: Attack) -> str:
        missing = attack.needs and attack.needs not in self.abilities
        return ABILITIES[attack.needs] if missing else ""

    async def run(self, attack: Attack, programs: Sequence[str], place: Place) -> Observed:
        observed = Observed()
        if attack.role == "application":
            await run_application(attack, place, observed, self.name)
        else:
            await self._try(attack, programs, place, observed)
        return observed

    async def _try(
        self, attack: Attack, programs: Sequence[str], place: Place, observed: Observed
    ) -> None:
        raise NotImplementedError

    def _limits(self, attack: Attack, place: Place) -> list[str]:
        values = {
            "timeout": attack.seconds,
            "memory": self.memory,
            "processes": LIMITS.processes,
            "disk": LIMITS.disk,
            "files": LIMITS.files,
            "output": LIMITS.output,
            **self._policy,
        }
        file = place.folder.parent / "policy.toml"
        # JSON's text, numbers and lists are TOML's.
        file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        return ["--policy", str(file)]

    async def _run(
        self,
        arguments: Sequence[str],
        attack: Attack,
        observed: Observed,
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        answers: Answers | None = None,
    ) -> HostRun:
        ran = await run_on_host(
            [*_SANDCREW, *arguments],
            cwd=cwd,
            seconds=attack.seconds + _GRACE_SECONDS,
            env=None if env is None else {**os.environ, **env},
            answers=answers,
        )
        observed.status = ran.status
        observed.screen += ran.output
        observed.size += ran.size
        observed.overran |= ran.overran
        observed.host_overran |= ran.overran
        observed.host_memory = max(observed.host_memory, ran.memory)
        return ran


class ExecSubject(_Command):
    """``sandcrew exec --workdir DIR FILE``: the folder of the attack is the workspace."""

    name = "exec-workdir"
    abilities = frozenset({"command", "status", "folder", "packages"})

    async def _try(
        self, attack: Attack, programs: Sequence[str], place: Place, observed: Observed
    ) -> None:
        for number, text in enumerate(programs):
            file = place.folder.parent / f"attack{number}.py"
            file.write_text(text)
            limits = self._limits(attack, place)
            arguments = ["exec", *limits, "--workdir", str(place.folder), str(file)]
            ran = await self._run(arguments, attack, observed, cwd=place.folder.parent)
            observed.output += ran.output.decode(errors="replace")
        if attack.evidence == Evidence.COLLECTED:
            observed.collected = naively_collected(place.folder)


class NotebookSubject(_Command):
    """``sandcrew exec NOTEBOOK --executor jupyter --workdir DIR --save DIR/saved.ipynb``."""

    name = "jupyter-save"
    abilities = frozenset({"command", "folder", "notebook", "packages"})
    memory = LIMITS.kernel_memory

    async def _try(
        self, attack: Attack, programs: Sequence[str], place: Place, observed: Observed
    ) -> None:
        saved = place.folder / "saved.ipynb"
        for number, text in enumerate(programs):
            file = place.folder.parent / f"attack{number}.ipynb"
            file.write_text(_notebook(in_two(text, place.places)))
            arguments = [
                *("exec", "--executor", "jupyter", *self._limits(attack, place)),
                *("--workdir", str(place.folder), "--save", str(saved), str(file)),
            ]
            ran = await self._run(arguments, attack, observed, cwd=place.folder.parent)
            observed.output += ran.output.decode(errors="replace")
        observed.notebooks = (saved,)
        if attack.evidence == Evidence.COLLECTED:
            observed.collected = naively_collected(place.folder)


class RunSubject(_Command):
    """``sandcrew run`` with a scripted model, which writes the attack.

    Of the time limit only ``run`` itself knows; the other limits come from :mod:`.limited`.
    """

    name = "run"
    abilities = frozenset({"command", "record", "model"})

    async def _try(
        self, attack: Attack, programs: Sequence[str], place: Place, observed: Observed
    ) -> None:
        asked = attack.role == "answer"
        said = [attack.code] if asked else [_block(text) for text in programs]
        async with scripted_model([*said, _DONE]) as model:
            arguments = [
                *("run", "Do it.", "--model", "scripted", "--executor", _EXECUTOR),
                *("--timeout", str(attack.seconds), "--output", str(place.kept)),
                *(["--ask"] if asked else []),
            ]
            env = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none", "COLUMNS": "160"}
            ran = await self._run(
                arguments,
                attack,
                observed,
                cwd=place.folder.parent,
                env=env,
                answers=_CONSENT if asked else None,
            )
        observed.output += "\n".join([*_printed(ran.output), *model.told, ""])
        observed.notebooks = (place.kept / "notebook.ipynb",)
        transcript = place.kept / "transcript.md"
        with contextlib.suppress(OSError):
            observed.screen += transcript.read_bytes()
        if attack.evidence == Evidence.COLLECTED:
            observed.collected = naively_collected(place.kept)
        if attack.evidence == Evidence.EXECUTED and place.kept.is_dir():
            use_tools(place.kept)


_CONSENT = Answers(b"pprove", (b"y\n", b"y\n", b"r\nno\n"))


def _printed(screen: bytes) -> list[str]:
    """What the programs printed, of all that was shown."""
    lines = screen.decode(errors="replace").splitlines()
    return [line.removeprefix(_BAR) for line in lines if line.startswith(_BAR)]


def _block(text: str) -> str:
    return f"{_FENCE}python\n{text}\n{_FENCE}\n"


def _notebook(cells: Sequence[str]) -> str:
    made: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": cell,
        }
        for number, cell in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


COMMANDS = {kind.name: kind for kind in (ExecSubject, NotebookSubject, RunSubject)}
"""The contenders of this file, by name."""
