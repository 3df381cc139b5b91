"""Podman, by its Docker API, confines as Docker does; what it would pass over is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from sandcrew.executors import (
    CodeBlock,
    CodeResult,
    DockerCommandLineCodeExecutor,
    UsageError,
)
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy

BASE = tag_of("base")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a Podman of one's own needs root")

LOOK = r"""
import ctypes, os, pathlib

def writable(name):
    try:
        pathlib.Path(name, "x").touch()
    except OSError:
        return False
    return True

status = pathlib.Path("/proc/self/status").read_text().splitlines()
print(*[line for line in status if line.startswith(("CapBnd", "NoNewPrivs"))])
places = "/", "/usr", "/run", "/var/tmp", "/dev", "/workspace", "/tmp", os.environ["HOME"]
print(*filter(writable, places))
assert not pathlib.Path("/proc/cmdline").read_text()
assert not os.listdir("/sys")
print(os.getuid() == 0, ctypes.CDLL(None).ptrace(0, 0, 0, 0))
"""


@pytest.fixture(scope="module")
def podman(engine: Any) -> Iterator[str]:
    """The address of an engine that nobody else uses, with our image ``base``."""
    if shutil.which("podman") is None and not os.environ.get("CI"):
        pytest.skip("podman is not installed")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # overlays want a real disk
        command = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run"]
        command += ["--runtime", "runc"]
        image = b"".join(engine.images.get(BASE).save(named=True))
        subprocess.run([*command, "load", "--quiet"], input=image, check=True)
        # A name without a registry is one of Docker's for its API, and of this host for "load".
        subprocess.run([*command, "tag", f"localhost/{BASE}", f"docker.io/{BASE}"], check=True)
        address = f"{folder}/podman.sock"
        service = subprocess.Popen(
            [*command, "system", "service", "--time", "0", f"unix://{address}"],
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(Path(address), service)
            yield f"unix://{address}"
        finally:
            service.terminate()
            service.wait(50)
            # Monitors of finished calls stay for five minutes, and then mount the folder again.
            subprocess.run(["pkill", "-KILL", "-f", folder], check=False)
            subprocess.run(["umount", f"{folder}/root/overlay"], check=True)


def _wait_for(path: Path, service: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert service.poll() is None, "podman has ended"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _use_podman(podman: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", podman)


async def run(executor: DockerCommandLineCodeExecutor, code: str, language: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, language)])


async def test_a_block_is_confined_and_its_receipt_tells(podman: str) -> None:
    policy = Policy(memory="64MiB", processes=20)
    async with DockerCommandLineCodeExecutor(BASE, policy=policy) as executor:
        result = await run(executor, LOOK, "python")
        greedy = await run(executor, "x = bytearray(1 << 30)", "python")
    assert result.stdout.splitlines() == [
        "CapBnd:\t0000000000000000 NoNewPrivs:\t1",
        "/workspace /tmp /home/sandbox",
        "False -1",
    ], result.output
    assert [denial.subject for denial in result.denials] == ["ptrace"]
    assert greedy.exit_code != 0
    with closing(docker.DockerClient(podman)) as client:
        assert client.containers.list(all=True, ignore_removed=True) == []


async def test_without_a_guest_blocks_run_by_exec() -> None:
    async with DockerCommandLineCodeExecutor(BASE, python="/no/python") as executor:
        result = await run(executor, "id -u; echo x >made; cat made", "sh")
    assert result.stdout.splitlines()[1:] == ["x"]
    assert result.stdout.splitlines()[0] not in ("0", "65534")


async def test_a_runtime_that_podman_would_not_heed_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no Runtime: start its service with"):
        await DockerCommandLineCodeExecutor(BASE, runtime="runsc").start()
