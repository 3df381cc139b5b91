"""Engines that are not root's: Docker and Podman of an ordinary user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from sandcrew.executors import (
    BackendUnavailable,
    CodeBlock,
    CodeResult,
    DockerCommandLineCodeExecutor,
)
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy

BASE = tag_of("base")
PROGRAMS = ("newuidmap", "podman", "rootlesskit", "runc")
VERSION_2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
POLICY = Policy(memory="64MiB", allow_missing=() if VERSION_2 else ("cgroup",))
pytestmark = pytest.mark.skipif(os.geteuid() == 0, reason="an engine of root's is not rootless")

LOOK = """
import os, pathlib
status = pathlib.Path("/proc/self/status").read_text().splitlines()
print(*[line for line in status if line.startswith(("CapBnd", "CapEff", "NoNewPrivs"))])
print(os.getuid(), [path for path in ("/", "/usr", "/run", "/etc") if os.access(path, os.W_OK)])
pathlib.Path("made").write_text("x")
"""
OWNER = """
import asyncio, os, sys
from sandcrew.executors import CodeBlock, DockerCommandLineCodeExecutor
from sandcrew.sandbox import Policy

async def main():
    policy = Policy(allow_missing=["cgroup"])
    async with DockerCommandLineCodeExecutor(sys.argv[1], policy=policy):
        print("started", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


class Service:
    """An engine in a folder of its own, as long as the ``with`` block lasts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.address = f"{folder}/engine.sock"
        self._environment = os.environ | {"XDG_RUNTIME_DIR": folder, "HOME": folder}
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str, **options: Any) -> None:
        subprocess.run(command, env=self._environment, check=True, **options)

    def serve(self, *command: str) -> None:
        with Path(self.folder, "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 40
        while not Path(self.address).exists():
            ended = self._process.poll() is not None or time.monotonic() > deadline
            assert not ended, Path(self.folder, "log").read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(50)
        # What is left of a service that was killed, and monitors of Podman.
        subprocess.run(["pkill", "-KILL", "-f", self.folder], check=False)


def of_docker(image: bytes, service: Service) -> list[str]:
    # What rootlesskit has copied of /run is root's in part, and not to be written.
    script = 'rm -rf /run/docker /run/containerd; exec dockerd "$@"'
    command = ["rootlesskit", "--net=host", "--copy-up=/etc", "--copy-up=/run"]
    command += ["sh", "-c", script, "dockerd", "--rootless", "--bridge=none", "--iptables=false"]
    command += [f"--data-root={service.folder}/data", f"--exec-root={service.folder}/exec"]
    command += [f"--pidfile={service.folder}/pid", f"--host=unix://{service.address}"]
    service.serve(*command)
    with closing(docker.DockerClient(f"unix://{service.address}")) as client:
        client.images.load(image)
    return ["rootlesskit", "--net=host"]


def of_podman(image: bytes, service: Service) -> list[str]:
    command = ["podman", "--root", f"{service.folder}/data", "--runroot", f"{service.folder}/run"]
    command += ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]
    service.run(*command, "load", "--quiet", input=image)
    service.run(*command, "tag", f"localhost/{BASE}", f"docker.io/{BASE}")
    service.serve(*command, "system", "service", "--time=0", f"unix://{service.address}")
    return ["podman", "unshare"]


@pytest.fixture(scope="module", params=[of_docker, of_podman], ids=["docker", "podman"])
def rootless(request: pytest.FixtureRequest, engine: Any) -> Iterator[str]:
    """The address of an engine of this user's, with our image ``base``."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    image = b"".join(engine.images.get(BASE).save(named=True))
    folder = tempfile.mkdtemp(dir="/var/tmp")  # overlays want a real disk
    service = Service(folder)
    try:
        as_its_root = request.param(image, service)
        yield f"unix://{service.address}"
        service.stop()
        service.run(*as_its_root, "rm", "-rf", folder)
    finally:
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)  # what Podman has made anew for this


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@pytest.fixture(autouse=True)
def _use_it(rootless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", rootless)


async def run(executor: DockerCommandLineCodeExecutor, *blocks: tuple[str, str]) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, lang) for lang, code in blocks])


def containers(address: str) -> list[Any]:
    with closing(docker.DockerClient(address)) as client:
        return list(client.containers.list(all=True, ignore_removed=True))


async def test_a_block_is_confined_and_its_files_are_the_callers(
    rootless: str, tmp_path: Path
) -> None:
    async with DockerCommandLineCodeExecutor(BASE, policy=POLICY, work_dir=tmp_path) as executor:
        result = await run(executor, ("python", LOOK))
        greedy = await run(executor, ("python", "x = bytearray(1 << 30)"))
        await executor.write_file("given", b"y")
        shell = await run(executor, ("sh", "cat given"))
    assert result.output.splitlines() == [
        "CapEff:\t0000000000000000 CapBnd:\t0000000000000000 NoNewPrivs:\t1",
        "0 []",
    ]
    assert {"user-namespace", "seccomp", "network-namespace"} <= set(result.isolation)
    assert greedy.limit_hit == "memory"
    assert shell.output == "y"
    made = tmp_path / "made"
    assert (made.read_text(), made.stat().st_uid) == ("x", os.getuid())
    assert containers(rootless) == []


async def test_a_session_and_its_branches_live_there_too() -> None:
    executor = DockerCommandLineCodeExecutor(BASE, policy=POLICY)
    async with executor, executor.sandbox.session() as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            assert (await branch.run("x += 1; x")).value == 2
        assert (await session.run("x")).value == 1


async def test_without_a_guest_blocks_run_by_exec() -> None:
    async with DockerCommandLineCodeExecutor(BASE, policy=POLICY, python="/no/python") as executor:
        code = "echo x >made; cat made; grep CapEff /proc/self/status; tail -n +2 /proc/net/route"
        result = await run(executor, ("sh", code))
    assert result.output.splitlines() == ["x", "CapEff:\t0000000000000000"], "or a route leads out"
    assert "user-namespace" in result.isolation


@pytest.mark.skipif(VERSION_2, reason="cgroups of version 2 can be delegated, and then they hold")
@pytest.mark.parametrize("python", ["python3", "/no/python"])
async def test_limits_that_the_engine_passes_over_are_an_error(python: str, rootless: str) -> None:
    with pytest.raises(BackendUnavailable, match="set no limit of memory and processes"):
        await DockerCommandLineCodeExecutor(BASE, python=python).start()
    assert containers(rootless) == []


def test_what_a_killed_owner_left_is_removed_at_the_next_start(rootless: str) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, BASE], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"started\n"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    _start_and_stop()
    assert containers(rootless) == []


def _start_and_stop() -> None:
    import asyncio

    async def there() -> None:
        async with DockerCommandLineCodeExecutor(BASE, policy=POLICY):
            pass

    asyncio.run(there())
