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

from .command import environment, sandcrew

BASE = find_recipe("base").tag


@pytest.fixture(scope="module", autouse=True)
def _engine(engine_with: Callable[..., Any]) -> None:
    engine_with("base", "data")


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
    assert (tmp_path / "sandcrew-demo" / "co2.png").stat().st_size > 10_000


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
