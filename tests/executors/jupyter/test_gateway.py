"""Kernels behind a real kernel gateway, on this host and in a container."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendUnavailable,
    CodeBlock,
    DockerJupyterCodeExecutor,
    DockerJupyterServer,
    JupyterCodeResult,
    JupyterConnectionInfo,
    UsageError,
)

TOKEN = "a-token-of-the-tests"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway(jupyter_home: Path) -> Iterator[JupyterConnectionInfo]:
    info = JupyterConnectionInfo("127.0.0.1", False, free_port(), TOKEN)
    command = [sys.executable, "-m", "kernel_gateway", f"--KernelGatewayApp.port={info.port}"]
    env = {name: text for name, text in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    env |= {"KG_AUTH_TOKEN": TOKEN, "KG_IP": "127.0.0.1"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, cwd=jupyter_home, stdout=quiet, stderr=quiet) as server:
        try:
            give_up = time.monotonic() + 40
            while time.monotonic() < give_up:
                try:
                    url = f"http://{info.address}/api?token={TOKEN}"
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield info
        finally:
            server.terminate()
            server.wait(20)


async def run(executor: DockerJupyterCodeExecutor, *codes: str) -> JupyterCodeResult:
    blocks = [CodeBlock(code, "python") for code in codes]
    result = await executor.execute_code_blocks(blocks)
    assert isinstance(result, JupyterCodeResult)
    return result


async def test_a_kernel_behind_a_gateway_keeps_state_is_interrupted_and_replaced(
    gateway: JupyterConnectionInfo,
) -> None:
    async with DockerJupyterCodeExecutor(gateway, timeout=2) as executor:
        assert (await run(executor, "x = 41", "x + 1")).output == "42\n"
        stopped = await run(executor, "print('begun')\nwhile True: pass")
        assert (stopped.timed_out, stopped.output) == (True, "begun\n")
        assert (await run(executor, "x + 1")).output == "42\n"
        died = await run(executor, "import os; os.kill(os.getpid(), 9)")
        assert died.kernel_lost
        assert (await run(executor, "'x' in globals()")).output == "False\n"
        picture = "from IPython.display import *\n"
        picture += "display({'image/png': 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB'}, raw=True)"
        (copy,) = (await run(executor, picture)).output_files
        assert copy.read_bytes().startswith(b"\x89PNG")
        with pytest.raises(UsageError, match="bind_dir"):
            await executor.list_files()


async def test_a_gateway_with_another_token_refuses(gateway: JupyterConnectionInfo) -> None:
    wrong = JupyterConnectionInfo(gateway.host, False, gateway.port, "wrong-token")
    with pytest.raises(BackendUnavailable, match="token"):
        await DockerJupyterCodeExecutor(wrong).start()


async def test_a_server_that_is_not_there_is_the_backend_s_failure() -> None:
    nowhere = JupyterConnectionInfo("127.0.0.1", False, free_port(), TOKEN)
    with pytest.raises(BackendUnavailable, match="running"):
        await DockerJupyterCodeExecutor(nowhere).start()


@pytest.mark.parametrize("port", [0, -1, 65_536, 99_999])
def test_a_port_that_would_be_another_one_is_refused(port: int) -> None:
    with pytest.raises(UsageError, match="port"):
        JupyterConnectionInfo("127.0.0.1", False, port, TOKEN)


@pytest.mark.parametrize(
    "host", ["", "a b", "a" * 300, "user@a", "127.0.0.1/x", "a\r\nHost: b", "ä"]
)
def test_a_host_that_would_be_another_one_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="host"):
        JupyterConnectionInfo(host, False, 8888, TOKEN)


@pytest.mark.parametrize("options", [{"token": ""}, {"token": "short"}, {"expose_port": 1 << 16}])
def test_a_server_that_anybody_could_use_is_refused(options: Any) -> None:
    with pytest.raises(UsageError):
        DockerJupyterServer(**options)


@pytest.fixture
def network(engine: None) -> Iterator[str]:
    """A network of the engine on which ports can be published."""
    docker: Any = pytest.importorskip("docker")
    client = docker.DockerClient.from_env()
    made = client.networks.create(f"sandcrew-test-{os.getpid()}")
    yield made.name
    made.remove()
    client.close()


async def test_a_gateway_in_a_container_is_used_as_in_autogen(network: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    server = DockerJupyterServer(bind_dir=tmp_path, network=network)
    async with server, DockerJupyterCodeExecutor(jupyter_server=server) as executor:
        result = await run(executor, "x = 41", "print(x + 1); _ = open('out', 'w').write('x')")
        assert result.output == "42\n"
        assert "container" in result.isolation
        info = server.connection_info
        assert info.host == "127.0.0.1"
        with pytest.raises(OSError, match=r"40[13]"):
            urllib.request.urlopen(f"http://{info.address}/api/kernels", timeout=5)
    assert (tmp_path / "out").read_text() == "x"
