"""What goes wrong is one clear error or result, nothing is left behind, and the next call works."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendError,
    BackendUnavailable,
    CodeBlock,
    DockerCommandLineCodeExecutor,
    UsageError,
)
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy, PolicyError

from .small_image import NATIVE, SmallImage

BASE = tag_of("base")


def make(**options: Any) -> DockerCommandLineCodeExecutor:
    return DockerCommandLineCodeExecutor(options.pop("image", BASE), **options)


async def test_without_a_daemon_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(BackendUnavailable, match=r"nothing answers at .*nothing\.sock"):
        await make().start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may talk to every socket")
async def test_without_permission_on_the_socket_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "closed.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(BackendUnavailable, match="this user may not talk to it"):
            await make().start()


async def test_what_listens_and_is_no_engine_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_hang_up, args=[listener], daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(BackendUnavailable, match="nothing answers"):
            await make().start()


def _hang_up(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.recv(64)
            connection.sendall(b"220 mail.example.org ready\r\n")


SOMEBODY = 4242
ENGINE = """
import http.server, json, os, socketserver, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"SecurityOptions": ["name=rootless"]}).encode()
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "a client"

server = socketserver.UnixStreamServer(sys.argv[1], Answer)
os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
server.socket.listen()  # whose socket it is from now on
print("listens", flush=True)
server.serve_forever()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user first")
async def test_a_rootless_engine_of_another_user_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What that user is given of root's folders would be as good as root's rights."""
    address = f"{tmp_path}/other.sock"
    command = [sys.executable, "-c", ENGINE, address, str(SOMEBODY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"listens\n"
            monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
            with pytest.raises(BackendUnavailable, match=f"the user {SOMEBODY}'s own"):
                await make().start()
        finally:
            server.kill()


async def test_an_image_that_is_not_there_and_cannot_be_pulled_is_an_error() -> None:
    with pytest.raises(BackendUnavailable, match=r"cannot be pulled .* images build"):
        await make(image="localhost:1/no/such/image:1").start()


@pytest.mark.parametrize("image", ["", " ", "UPPER CASE", "a b", "x" * 300, "-rm", "../../etc"])
async def test_what_is_no_name_of_an_image_is_an_error(image: str) -> None:
    with pytest.raises((UsageError, BackendUnavailable), match="image"):
        await make(image=image).start()


@pytest.fixture
def image_of(engine: Any) -> Iterator[Callable[..., str]]:
    """Makes images, removed afterwards, of a few files and settings."""
    tags: list[str] = []

    def make_image(files: dict[str, bytes], architecture: str = NATIVE) -> str:
        tags.append(f"sandcrew-test-{secrets.token_hex(6)}:1")
        engine.images.load(SmallImage(files, architecture).archive(tags[-1]))
        return tags[-1]

    yield make_image
    for tag in tags:
        engine.images.remove(tag, force=True)


async def test_an_image_for_another_platform_is_an_error_that_names_both(
    image_of: Callable[..., str],
) -> None:
    with pytest.raises(BackendUnavailable, match="it is for riscv64, and the engine runs on"):
        await make(image=image_of({"file": b""}, "riscv64")).start()


async def test_an_image_with_neither_an_interpreter_nor_a_shell_is_an_error(
    engine: Any, image_of: Callable[..., str]
) -> None:
    with pytest.raises(BackendUnavailable, match=r"neither .*python3.* nor a shell"):
        await make(image=image_of({"file": b""})).start()


async def test_a_name_that_is_taken_is_an_error_and_its_container_stays(engine: Any) -> None:
    name = f"sandcrew-test-{secrets.token_hex(6)}"
    stranger = engine.containers.create(BASE, ["sleep", "60"], name=name)
    try:
        with pytest.raises(BackendUnavailable, match="another container has it"):
            await make(container_name=name).start()
        stranger.reload()
    finally:
        stranger.remove(force=True)


async def test_a_runtime_the_engine_does_not_have_is_an_error() -> None:
    with pytest.raises(BackendError, match="no-such-runtime"):
        await make(runtime="no-such-runtime").start()


async def test_an_unknown_language_is_a_result() -> None:
    async with make() as executor:
        result = await executor.execute_code_blocks([CodeBlock("x", "klingon")])
    assert result.exit_code == 1
    assert "klingon" in result.output


@pytest.mark.parametrize("files", [1, 8])
@pytest.mark.parametrize("python", ["python3", "/no/python"])
async def test_a_full_disk_is_the_programs_problem_and_the_next_call_works(
    files: int, python: str
) -> None:
    fill = f"for n in $(seq {files}); do head -c $((8388608 / {files})) /dev/zero >$n || exit; done"
    async with make(policy=Policy(disk="4MiB"), python=python) as executor:
        result = await executor.execute_code_blocks([CodeBlock(fill, "sh")])
        assert result.exit_code != 0
        assert result.limit_hit == ("disk" if python == "python3" else None)
        block = CodeBlock("rm [0-9]; echo x >small; cat small", "sh")
        assert (await executor.execute_code_blocks([block])).output == "x\n"


@pytest.mark.parametrize(
    ("policy", "word"),
    [({"packages": ["polars"]}, "packages"), ({"python": "/usr/bin/env"}, "python")],
)
def test_what_a_container_cannot_give_is_refused_at_once(policy: dict[str, Any], word: str) -> None:
    with pytest.raises(PolicyError, match=word):
        make(policy=Policy(**policy))


@pytest.mark.parametrize(
    "volumes",
    [
        {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"}},
        {"/run": {"bind": "/host", "mode": "ro"}},
        {"/": {"bind": "/host", "mode": "ro"}},
        {"/nothing/there": {"bind": "/host", "mode": "ro"}},
        {"/etc": {"bind": "host"}},
        {"/etc": {}},
    ],
)
def test_volumes_that_open_the_host_are_refused(volumes: dict[str, dict[str, str]]) -> None:
    with pytest.raises(UsageError, match="extra_volumes"):
        make(extra_volumes=volumes)


async def test_an_interpreter_that_fails_is_an_error_with_its_words() -> None:
    with pytest.raises(BackendUnavailable, match="/bin/false ended with 1 before it could call"):
        await make(python="/bin/false").start()


async def test_memory_too_small_to_start_in_is_no_hang() -> None:
    async with make(policy=Policy(memory="16MiB")) as executor:
        result = await executor.execute_code_blocks([CodeBlock("x = bytes(1 << 30)", "python")])
    assert result.exit_code != 0
