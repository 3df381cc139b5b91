"""What code run by ``sandcrew exec`` cannot see or do, and under ``local`` can."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .command import sandcrew

both = pytest.mark.parametrize(
    ("executor", "confined"), [("sandbox", True), ("local", False)], ids=["sandbox", "local"]
)
SECRET = "s3cr3t-4711"


def printed_by(executor: str, program: str) -> str:
    done = sandcrew("exec", "-", "--executor", executor, stdin=program, env={"A_KEY": SECRET})
    return done.stdout


@both
def test_it_sees_no_environment_variable_of_the_caller(executor: str, confined: bool) -> None:
    printed = printed_by(executor, "import os; print(dict(os.environ))")
    assert (SECRET not in printed) == confined


@both
def test_it_sees_no_environment_variable_in_proc(executor: str, confined: bool) -> None:
    program = (
        "import glob\n"
        "for name in glob.glob('/proc/*/environ'):\n"
        "    try: print(open(name, 'rb').read())\n"
        "    except OSError: pass\n"
    )
    assert (SECRET not in printed_by(executor, program)) == confined


@both
def test_it_sees_no_file_of_the_home_of_the_caller(
    tmp_path: Path, executor: str, confined: bool
) -> None:
    home = Path.home() if os.access(Path.home(), os.W_OK) else tmp_path
    with tempfile.NamedTemporaryFile("w", dir=home, prefix=".sandcrew-test-") as file:
        file.write(SECRET)
        file.flush()
        printed = printed_by(executor, f"print(open({file.name!r}).read())")
    assert (SECRET not in printed) == confined


@both
def test_it_sees_no_other_process(executor: str, confined: bool) -> None:
    program = (
        "import glob\n"
        "for name in glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    try: print(open(name).read())\n"
        "    except OSError: pass\n"
    )
    command = [sys.executable, "-c", "input()", SECRET]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
        printed = printed_by(executor, program)
        other.communicate(b"\n")
    assert (SECRET not in printed) == confined


@both
def test_it_reaches_no_network(executor: str, confined: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        program = f"import socket; socket.create_connection({address!r}, 5); print('connected')"
        printed = printed_by(executor, program)
    assert (printed != "connected\n") == confined


@both
def test_it_cannot_write_outside_of_its_workspace(
    tmp_path: Path, executor: str, confined: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o777)
    workdir = tmp_path / "work"
    workdir.mkdir()
    target = folder / "written"
    program = f"open('inside', 'w').close()\nopen({str(target)!r}, 'w').close()"
    done = sandcrew("exec", "-", "--executor", executor, "--workdir", workdir, stdin=program)
    assert (workdir / "inside").exists(), done.stderr
    assert target.exists() != confined


@both
def test_it_cannot_write_to_what_it_can_see(tmp_path: Path, executor: str, confined: bool) -> None:
    # The interpreter's own folder is there to be read.
    printed = printed_by(
        executor,
        "import os, sys\nprint(os.access(os.path.dirname(os.__file__), os.W_OK))",
    )
    writable_here = os.access(os.path.dirname(os.__file__), os.W_OK)  # noqa: PTH120
    if not confined and not writable_here:
        pytest.skip("this user cannot write to the interpreter either")
    assert (printed == "False\n") == confined
