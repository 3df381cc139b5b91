"""Peers, where they are installed. Each is a command, or a driver in a Python that has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .bare import BARE_SUSTAINED, CODE, whole_process
from .contender import BARE, Contender
from .driver import driven
from .executors import BLOCK, BURST, START, STOP, autogen_row
from .sessions import KERNEL_CELL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

    from .contender import Operation, Unit

    Places = Mapping[str, str]
    """Where peers are: the Python of an environment, or a command, by the name of the peer."""

INSTALL = {
    "bubblewrap": "apt-get install bubblewrap",
    "nsjail": "build it from source (see benchmarks/README.md)",
    "srt": "npm install @anthropic-ai/sandbox-runtime, apt-get install socat ripgrep",
    "sandlock": "pip install sandlock",
    "jupyter": "pip install ipykernel jupyter-client",
    "smolagents": "pip install smolagents",
    "autogen": "pip install 'autogen-ext[docker,jupyter-executor]==0.7.5' autogen-agentchat==0.7.5",
}
_MODULES = {
    "sandlock": "sandlock",
    "jupyter": "jupyter_client, ipykernel",
    "smolagents": "smolagents",
    "autogen": "autogen_ext.code_executors",
}
_COMMANDS = {"bubblewrap": "bwrap", "nsjail": "nsjail", "srt": "srt"}


@dataclass(frozen=True, slots=True)
class Peer:
    """A name of ``INSTALL``, and where it was said to be."""

    name: str
    place: str | None

    def command(self) -> str | None:
        """The path of its command, if it is one that can be found."""
        return shutil.which(self.place or _COMMANDS[self.name])

    def python(self) -> str:
        """The interpreter that is to have it."""
        return self.place or sys.executable

    def missing(self) -> str | None:
        if self.name in _COMMANDS:
            found = self.command() is not None
        else:
            found = _imports(self.python(), _MODULES[self.name])
        return None if found else f"{INSTALL[self.name]}; then --peer {self.name}=PATH"


def _imports(python: str, modules: str) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", f"import {modules}"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def peers(places: Places) -> Iterator[Contender]:
    """A row or more for each."""
    found = {name: Peer(name, places.get(name)) for name in INSTALL}
    yield _process("bubblewrap, all namespaces", found["bubblewrap"], _bubblewrap)
    yield _process("nsjail", found["nsjail"], _nsjail)
    yield _process("srt, as a command", found["srt"], _srt)
    yield _driven("sandlock: a run", found["sandlock"], "print(1+1)", "sandlock_run")
    yield _driven("smolagents: its local interpreter", found["smolagents"], "print(1+1)", "smol")
    yield _driven(KERNEL_CELL, found["jupyter"], "sessions", "kernel_cell")
    for kind in ("local", "docker", "jupyter"):
        yield from _autogen(kind, found["autogen"])


def _driven(name: str, peer: Peer, group: str, driver: str, *arguments: str) -> Contender:
    return Contender(
        name=name,
        group=group,
        open=lambda: driven(peer.python(), driver, *arguments),
        missing=peer.missing,
    )


def _autogen(kind: str, peer: Peer) -> Iterator[Contender]:
    def row(label: str, what: str, most: int | None, unit: Unit = "s") -> Contender:
        return Contender(
            name=autogen_row(kind, label),
            group="executors",
            open=lambda: driven(peer.python(), "autogen_executor", kind, what),
            missing=peer.missing,
            unit=unit,
            floor=BARE if unit == "s" else BARE_SUSTAINED,
            most=most,
        )

    yield row(BLOCK, "block", None)
    yield row(START, "start", 3)
    yield row(STOP, "stop", 3)
    yield row(BURST, "burst", 3, "/s")


def _process(name: str, peer: Peer, argv: Callable[[str, Path], list[str]]) -> Contender:
    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        with tempfile.TemporaryDirectory(prefix="sandcrew-bench-") as folder:
            command = argv(peer.command() or "", Path(folder))
            async with whole_process(*command, output=b"2\n")() as operation:
                yield operation

    return Contender(name=name, group="print(1+1)", open=setup, floor=BARE, missing=peer.missing)


def _bubblewrap(bwrap: str, folder: Path) -> list[str]:
    where = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--bind", folder, folder]
    how = ["--unshare-all", "--die-with-parent", "--new-session"]
    return [bwrap, *map(str, where), *how, sys.executable, "-c", CODE]


def _nsjail(nsjail: str, folder: Path) -> list[str]:
    limits = ["--rlimit_as", "1024", "--time_limit", "30"]
    return [nsjail, "-q", "-Mo", "-R", "/", *limits, "--", sys.executable, "-c", CODE]


def _srt(srt: str, folder: Path) -> list[str]:
    settings = folder / "srt.json"
    settings.write_text(
        '{"filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []},'
        ' "network": {"allowedDomains": [], "deniedDomains": []}}'
    )
    program = folder / "program.py"
    program.write_text(CODE)
    return [srt, "-s", os.fspath(settings), sys.executable, os.fspath(program)]
