"""JupyterLab's own server, driven as its page in a browser does: by REST and WebSocket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from sandcrew.executors.jupyter.kernelspecs import install, remove


@dataclass(frozen=True)
class Lab:
    url: str
    token: str
    kernel: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def lab(jupyter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    spec = install("python3")
    folder = tmp_path_factory.mktemp("lab")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--ip=127.0.0.1"]
    command += [f"--notebook-dir={folder}", "--IdentityProvider.token=test-token"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    env = {name: text for name, text in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=folder) as server,
    ):
        try:
            yield Lab(_address(jupyter_home, server), "test-token", spec.name)
        finally:
            server.terminate()
            server.wait(20)
            remove(spec.name)


def _address(home: Path, server: subprocess.Popen[bytes]) -> str:
    """Where the server says that it listens, in the file it leaves for its clients."""
    file = home / "runtime" / f"jpserver-{server.pid}.json"
    give_up = time.monotonic() + 40
    while time.monotonic() < give_up and server.poll() is None:
        if file.exists() and file.read_text().endswith("}"):
            found = json.loads(file.read_text())
            return f"http://127.0.0.1:{found['port']}/"
        time.sleep(0.05)
    raise AssertionError("JupyterLab did not start")


async def execute(lab: Lab, kernel_id: str, code: str) -> tuple[str, str]:
    """Run a cell over the WebSocket: its status, and what it printed."""
    url = f"ws{lab.url[4:]}api/kernels/{kernel_id}/channels?token={lab.token}"
    socket = await websocket_connect(url)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s"}
    header |= {"username": "u", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
    printed, status = "", None
    idle = False
    while status is None or not idle:
        text = await socket.read_message()
        assert text is not None
        heard = json.loads(text)
        if heard["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if heard["msg_type"] == "stream":
            printed += heard["content"]["text"]
        elif heard["msg_type"] == "execute_reply":
            status = heard["content"]["status"]
        elif heard["msg_type"] == "status":
            idle = heard["content"]["execution_state"] == "idle"
    socket.close()
    return status, printed


async def test_jupyterlab_offers_starts_interrupts_and_ends_a_confined_kernel(lab: Lab) -> None:
    specs = lab.ask("GET", "api/kernelspecs")["kernelspecs"]
    assert specs[lab.kernel]["spec"]["display_name"].endswith("(sandcrew)")
    session = {"path": "a.ipynb", "type": "notebook", "name": "a", "kernel": {"name": lab.kernel}}
    kernel = lab.ask("POST", "api/sessions", session)["kernel"]["id"]

    status, printed = await execute(lab, kernel, "import os; print(os.getcwd(), os.getuid())")
    assert (status, printed) == ("ok", "/workspace 1000\n")
    status, printed = await execute(lab, kernel, f"print(open({__file__!r}).read())")
    assert (status, printed) == ("error", "")

    lab.ask("POST", f"api/kernels/{kernel}/restart")
    assert await execute(lab, kernel, "print('os' in globals())") == ("ok", "False\n")
    lab.ask("POST", f"api/kernels/{kernel}/interrupt")
    assert await execute(lab, kernel, "print(1)") == ("ok", "1\n")
    lab.ask("DELETE", f"api/kernels/{kernel}")
    assert lab.ask("GET", "api/kernels") == []
