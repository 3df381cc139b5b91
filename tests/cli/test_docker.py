"""``--executor docker`` from the shell, with a real engine and our images."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandcrew.images import find_recipe

from ..agents.model_server import ModelServer
from ..executors.docker.registry import registry_of
from ..executors.docker.small_image import SmallImage
from .command import environment, sandcrew
from .test_run import ANSWER, FAILS, MENDED, finished, record, sales
from .test_terminal import seen

BASE = find_recipe("base").tag


@pytest.fixture(scope="module", autouse=True)
def engine(engine_with: Callable[..., Any]) -> Any:
    return engine_with("base", "data")


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server of this host that answers with an empty page."""
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_exec_reaches_the_host_that_is_allowed_and_no_other(tmp_path: Path, port: int) -> None:
    (tmp_path / "job.py").write_text(
        "import urllib.request\n"
        f"for port in ({port}, {port + 1}):\n"
        "    try: print(urllib.request.urlopen(f'http://127.0.0.1:{port}/nothing').status)\n"
        "    except Exception as error: print(getattr(error, 'code', 'no way'))\n"
    )
    options = ("--executor", "docker", "--image", BASE)
    allowed = sandcrew(
        "exec", "job.py", *options, "--network", f"allow:127.0.0.1:{port}", cwd=tmp_path
    )
    assert allowed.stdout == "404\n403\n", allowed.stderr  # the server's answer; the proxy's
    none = sandcrew("exec", "job.py", *options, cwd=tmp_path)
    assert none.stdout == "no way\nno way\n"


def test_exec_exits_with_the_exit_code_and_passes_the_policy_on(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text('echo "$GIVEN" >out.txt; exit 7')
    done = sandcrew(
        "exec", "job.sh", "--executor", "docker", "--image", BASE,
        "--workdir", ".", "--env", "GIVEN=yes", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 7, done.stderr
    assert (tmp_path / "out.txt").read_text() == "yes\n"
    assert (tmp_path / "out.txt").stat().st_uid == os.geteuid()


def test_the_demo_runs_in_a_container(tmp_path: Path) -> None:
    done = sandcrew("demo", "--executor", "docker", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert (tmp_path / "sandcrew-demo" / "files" / "co2.png").stat().st_size > 10_000


async def test_a_team_solves_a_task_on_a_built_image(tmp_path: Path) -> None:
    looks = "```python\nimport os\nprint('in', os.path.exists('/run/sandcrew'))\n```\n"
    options = ("--executor", "docker", "--image", BASE, "--model", "m")
    async with ModelServer([FAILS, MENDED, looks, ANSWER]) as server:
        done = await finished(server, tmp_path, "Add", "--file", sales(tmp_path), *options)
    assert (done.code, done.stderr) == (0, "")
    assert ANSWER in done.stdout
    assert (record(tmp_path) / "files" / "sum.txt").read_text() == "42"
    assert "in True" in str(server.requests[3]["messages"])
    assert "Installed" not in str(server.requests[0]["messages"])  # that is known of this host only


@pytest.fixture
def image(engine: Any) -> Iterator[str]:
    """The name of one that is not there yet, and in which nothing can run."""
    with registry_of(SmallImage({"file": bytes(1 << 20)})) as name:
        yield name
        engine.images.remove(name, force=True)


def test_a_pull_is_shown_on_a_terminal(tmp_path: Path, image: str) -> None:
    (tmp_path / "job.sh").touch()
    code, text = seen(tmp_path, "exec", "job.sh", "--executor", "docker", "--image", image)
    assert code == 3
    assert f"pulling {image}" in text
    assert "neither the interpreter" in text.splitlines()[-1]


def test_elsewhere_a_pull_is_told_in_one_line(tmp_path: Path, image: str) -> None:
    (tmp_path / "job.sh").touch()
    done = sandcrew("exec", "job.sh", "--executor", "docker", "--image", image, cwd=tmp_path)
    pulling, failed = done.stderr.splitlines()
    assert (done.code, pulling) == (3, f"sandcrew: pulling {image}")
    assert "neither the interpreter" in failed


def test_without_an_engine_the_complaint_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "job.py").touch()
    nowhere = environment({"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"})
    done = sandcrew("exec", "job.py", "--executor", "docker", cwd=tmp_path, env=nowhere)
    assert done.code == 3
    assert "nothing answers at" in done.complaint


def test_an_image_is_for_containers_only(tmp_path: Path) -> None:
    (tmp_path / "job.py").touch()
    done = sandcrew("exec", "job.py", "--image", BASE, cwd=tmp_path)
    assert (done.code, "--executor docker" in done.complaint) == (2, True)


def test_images_are_listed(tmp_path: Path) -> None:
    done = sandcrew("images", "list", cwd=tmp_path)
    assert done.code == 0
    assert BASE in done.stdout
    assert "MB" in done.stdout
