"""Without our guest, in an image without Python or on an engine elsewhere, blocks go by exec."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendCrashed,
    CancellationToken,
    CodeBlock,
    CodeResult,
    DockerCommandLineCodeExecutor,
    OutputEvent,
    UsageError,
)
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy, PolicyError

BASE = tag_of("base")
ENDLESS = "trap '' TERM INT; echo begun; while :; do sleep 60; done"


def without_python(**options: Any) -> DockerCommandLineCodeExecutor:
    return DockerCommandLineCodeExecutor(BASE, python="/no/python", **options)


async def sh(executor: DockerCommandLineCodeExecutor, code: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, "sh")])


@pytest.fixture(scope="module")
def elsewhere(engine: Any) -> Iterator[str]:
    """The engine as one of another machine: by TCP."""
    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_forward, args=(listener, path), daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def _forward(listener: socket.socket, path: str) -> None:
    with contextlib.suppress(OSError):  # the fixture ends
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_connect, args=(near, path), daemon=True).start()


def _connect(near: socket.socket, path: str) -> None:
    with near, socket.socket(socket.AF_UNIX) as far:
        far.connect(path)
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


async def test_an_image_without_python_runs_the_shell() -> None:
    async with without_python() as executor:
        result = await sh(executor, "echo out; echo err >&2; echo x >made; exit 3")
        assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
        assert [artifact.path for artifact in result.artifacts] == ["made"]
        assert {"container", "seccomp", "network-namespace"} <= set(result.isolation)
        unknown = await executor.execute_code_blocks([CodeBlock("print(1)", "python")])
        assert "this executor runs bash, sh" in unknown.output


async def test_it_is_confined_by_the_same_policy() -> None:
    code = """
id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
touch /usr/new 2>/dev/null || echo read-only
cat /sys/fs/cgroup/pids.max /proc/cmdline 2>/dev/null; ls /sys
"""
    async with without_python(policy=Policy(processes=20)) as executor:
        lines = (await sh(executor, code)).stdout.splitlines()
        assert lines[0] != "0"
        assert lines[1:] == [
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
            "read-only",
        ]
        bomb = await sh(executor, "for i in $(seq 100); do sleep 60 & done; echo survived")
        assert "survived" not in bomb.stdout
        assert (await sh(executor, "echo again")).output == "again\n"


@pytest.mark.parametrize("how", ["timeout", "cancelled", "left"])
async def test_what_ignores_sigterm_is_killed_with_all_it_started(how: str) -> None:
    async with without_python(timeout=2 if how == "timeout" else 50) as executor:
        token = CancellationToken()
        block = CodeBlock("(sleep 1234) & " + ENDLESS, "sh")
        async with aclosing(executor.stream([block], token)) as events:
            async for event in events:
                if isinstance(event, OutputEvent):
                    if how == "cancelled":
                        token.cancel()
                    if how == "left":
                        break
                elif isinstance(event, CodeResult):
                    assert event.output == "begun\n"
                    assert (event.timed_out, event.cancelled) == (
                        how == "timeout",
                        how != "timeout",
                    )
        look = await sh(executor, "grep -l 1234 /proc/[0-9]*/cmdline 2>/dev/null | wc -l")
    assert look.output == "1\n"  # the one that looks


async def test_what_a_block_leaves_running_ends_with_it() -> None:
    async with without_python() as executor:
        assert (await sh(executor, "sleep 1234 & echo left")).output == "left\n"
        look = await sh(executor, "cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^sleep$'")
    assert look.output == "0\n"


async def test_files_go_in_and_out_and_links_are_refused() -> None:
    async with without_python() as executor:
        await executor.write_file("in/a.bin", b"\0\xff1")
        await sh(executor, "cp in/a.bin out.bin; ln -s /etc/passwd link; ln -s /etc folder")
        assert await executor.read_file("out.bin") == b"\0\xff1"
        assert [file.path for file in await executor.list_files()] == ["in/a.bin", "out.bin"]
        for name in ("link", "folder/passwd", "../etc/passwd"):
            with pytest.raises(UsageError):
                await executor.read_file(name)
        with pytest.raises(FileNotFoundError):
            await executor.read_file("nothing")


async def test_a_flood_is_cut_and_blocks_take_turns() -> None:
    async with without_python(policy=Policy(output=1000)) as executor:
        results = await asyncio.gather(
            sh(executor, "head -c 20000000 /dev/zero | tr '\\0' x"), sh(executor, "echo second")
        )
    assert results[0].truncated
    assert len(results[0].output) < 1200
    assert results[1].output == "second\n"


async def test_a_list_of_hosts_is_refused_for_it_could_not_be_kept() -> None:
    with pytest.raises(PolicyError, match="network: a list of hosts needs our guest"):
        await without_python(policy=Policy(network=["example.org"])).start()


async def test_an_engine_elsewhere_runs_python_by_exec(
    elsewhere: str, monkeypatch: pytest.MonkeyPatch, engine: Any
) -> None:
    monkeypatch.setenv("DOCKER_HOST", elsewhere)
    async with DockerCommandLineCodeExecutor(BASE) as executor:
        assert "python" in executor.languages
        block = CodeBlock("# filename: pkg/mod.py\nprint(6 * 7); open('x', 'w')", "python")
        result = await executor.execute_code_blocks([block])
        assert (result.exit_code, result.output) == (0, "42\n")
        assert [artifact.path for artifact in result.artifacts] == ["pkg/mod.py", "x"]


async def test_a_container_ends_when_its_owner_lets_go(engine: Any, tmp_path: Path) -> None:
    executor = without_python()
    await executor.start()
    sandbox: Any = vars(executor)["_sandbox"]
    container = engine.containers.get(sandbox._container.id)
    sandbox._input.sock.shutdown(socket.SHUT_RDWR)  # as the kernel does for a killed process
    deadline = time.monotonic() + 20
    while container in engine.containers.list(ignore_removed=True) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert container not in engine.containers.list(ignore_removed=True)
    assert (await sh(executor, "echo again")).output == "again\n"
    await executor.stop()


@pytest.mark.parametrize("how", ["kill", "remove"])
async def test_a_container_that_others_end_is_an_error_and_the_next_call_works(
    engine: Any, how: str
) -> None:
    async def follow(executor: DockerCommandLineCodeExecutor) -> None:
        async for event in executor.stream([CodeBlock(ENDLESS, "sh")]):
            if isinstance(event, OutputEvent):
                sandbox: Any = vars(executor)["_sandbox"]
                container = engine.containers.get(sandbox._container.id)
                container.kill() if how == "kill" else container.remove(force=True)

    async with without_python(timeout=50) as executor:
        with pytest.raises(BackendCrashed, match="ended unexpectedly"):
            await follow(executor)
        assert (await sh(executor, "echo again")).output == "again\n"
