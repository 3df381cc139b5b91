"""``sandcrew exec``: what goes in, what comes out, and the exit codes other tools rely on."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest

from sandcrew.executors import CodeResult

from .command import COMMAND, environment, heed_ctrl_c, sandcrew

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_output_and_exit_code_are_those_of_the_program(tmp_path: Path) -> None:
    file = written(
        tmp_path, "a.py", "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(7)\n"
    )
    done = sandcrew("exec", file)
    assert (done.code, done.stdout, done.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "print(6 * 7)"),
        ("a.sh", "echo $((6 * 7))"),
        pytest.param(
            "a.js",
            "console.log(6 * 7)",
            marks=pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js"),
        ),
        ("a.md", "# Title\n\n```python\nprint(6 * 7)\n```\n"),
        ("A.PY", "print(6 * 7)"),
    ],
)
def test_the_suffix_tells_the_language(tmp_path: Path, name: str, text: str) -> None:
    done = sandcrew("exec", written(tmp_path, name, text))
    assert (done.code, done.stdout, done.stderr) == (0, "42\n", "")


def test_standard_input_is_python_unless_told_otherwise() -> None:
    assert sandcrew("exec", "-", stdin="print(6 * 7)").stdout == "42\n"
    assert sandcrew("exec", "-", "--language", "bash", stdin="echo $BASH").stdout.endswith("bash\n")
    document = "```sh\necho hi\n```\n"
    assert sandcrew("exec", "-", "--language", "md", stdin=document).stdout == "hi\n"


@pytest.mark.parametrize("name", ["a.py", "a.sh", "a.md"])
def test_an_empty_file_is_a_program_that_does_nothing(tmp_path: Path, name: str) -> None:
    done = sandcrew("exec", written(tmp_path, name, ""))
    assert (done.code, done.stdout) == (0, "")


def test_json_is_one_object_with_the_fields_of_a_result(tmp_path: Path) -> None:
    file = written(tmp_path, "a.py", "print('héllo')\nopen('a.csv', 'w').write('x')\nexit(3)\n")
    done = sandcrew("exec", "--json", file)
    result = json.loads(done.stdout)
    assert (done.code, done.stderr) == (3, "")
    assert list(result) == [field.name for field in dataclasses.fields(CodeResult)]
    assert (result["exit_code"], result["stdout"], result["output"]) == (3, "héllo\n", "héllo\n")
    assert result["artifacts"] == [{"path": "a.csv", "size": 1, "mime_type": "text/csv"}]
    assert "seccomp" in result["isolation"]


def test_json_has_the_same_fields_under_every_executor() -> None:
    done = sandcrew("exec", "--json", "--executor", "local", "-", stdin="print(1)")
    result = json.loads(done.stdout)
    assert list(result) == [field.name for field in dataclasses.fields(CodeResult)]
    assert result["isolation"] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "FILE"),
        (["nowhere.py"], "nowhere.py"),
        ([os.curdir], "--language"),
        (["-", "--nonsense"], "--nonsense"),
        (["-", "--timeout", "soon"], "--timeout"),
        (["-", "--timeout", "0"], "timeout"),
        (["-", "--memory", "lots"], "memory"),
        (["-", "--cpus", "-1"], "cpus"),
        (["-", "--network", "everything"], "--network"),
        (["-", "--network", "allow:"], "--network"),
        (["-", "--env", "SANDCREW_NOT_SET"], "SANDCREW_NOT_SET"),
        (["-", "--workdir", "/nowhere"], "/nowhere"),
        (["-", "--read-only", "/nowhere"], "/nowhere"),
        (["-", "--policy", "/nowhere.toml"], "/nowhere.toml"),
        (["-", "--executor", "nonsense"], "nonsense"),
        (["-", "--json", "--executor", "nonsense"], "nonsense"),
    ],
)
def test_a_mistake_of_the_caller_is_one_line_and_exit_code_2(
    arguments: list[str], complaint: str
) -> None:
    done = sandcrew("exec", *arguments)
    assert done.code == 2
    assert complaint in done.complaint


@pytest.mark.parametrize("extension", ["", ".txt", ".exe"])
def test_a_file_of_unknown_kind_asks_for_the_language(tmp_path: Path, extension: str) -> None:
    file = written(tmp_path, f"program{extension}", "print(6 * 7)")
    done = sandcrew("exec", file)
    assert done.code == 2
    assert "--language" in done.complaint
    assert sandcrew("exec", file, "--language", "py").stdout == "42\n"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"print('\xff')")
    done = sandcrew("exec", file)
    assert done.code == 2
    assert "UTF-8" in done.complaint


def test_a_backend_that_cannot_be_had_is_one_line_and_exit_code_3() -> None:
    done = sandcrew("exec", "-", "--executor", "azure")
    assert done.code == 3
    assert "azure" in done.complaint


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--memory", "1GiB"),
        ("--cpus", "1"),
        ("--processes", "9"),
        ("--disk", "1MiB"),
        ("--network", "none"),
        ("--read-only", "/usr"),
        ("--policy", "some.toml"),
    ],
)
def test_local_refuses_by_name_what_it_cannot_enforce(option: str, value: str) -> None:
    done = sandcrew("exec", "-", "--executor", "local", option, value)
    assert done.code == 2
    assert option in done.complaint


def test_local_says_each_time_that_it_does_not_confine() -> None:
    done = sandcrew("exec", "-", "--executor", "local", "--network", "host", stdin="print(1)")
    assert (done.code, done.stdout) == (0, "1\n")
    assert "unconfined" in done.stderr


def test_the_time_limit_ends_the_program_and_keeps_its_output() -> None:
    program = "import time\nprint('before', flush=True)\ntime.sleep(600)"
    done = sandcrew("exec", "-", "--timeout", "0.5", stdin=program)
    assert (done.code, done.stdout) == (124, "before\n")
    assert "time limit" in done.stderr


def test_options_go_before_the_policy_file(tmp_path: Path) -> None:
    policy = written(
        tmp_path, "p.toml", 'timeout = 0.3\noutput = 1000\nenv = {A = "file", B = "file"}\n'
    )
    program = "import os, time; time.sleep(0.6); print(os.environ['A'], os.environ['B'])"
    assert sandcrew("exec", "-", "--policy", policy, stdin=program).code == 124
    done = sandcrew(
        "exec", "-", "--policy", policy, "--timeout", "30", "--env", "A=option", stdin=program
    )
    assert (done.code, done.stdout) == (0, "option file\n")


def test_an_unknown_key_in_a_policy_file_is_refused_by_name(tmp_path: Path) -> None:
    policy = written(tmp_path, "p.toml", "time_out = 3\n")
    done = sandcrew("exec", "-", "--policy", policy)
    assert done.code == 2
    assert "'timeout'" in done.complaint


@pytest.mark.parametrize("executor", ["sandbox", "local"])
def test_variables_are_passed_by_name_or_with_a_value(executor: str) -> None:
    options = ["--executor", executor, "--env", "FROM_CALLER", "--env", "GIVEN=a=b"]
    program = "import os; print(os.environ['FROM_CALLER'], os.environ['GIVEN'])"
    done = sandcrew("exec", "-", *options, stdin=program, env={"FROM_CALLER": "yes"})
    assert (done.code, done.stdout) == (0, "yes a=b\n")


@pytest.mark.parametrize("executor", ["sandbox", "local"])
def test_the_workdir_is_the_workspace_and_keeps_its_files(tmp_path: Path, executor: str) -> None:
    written(tmp_path, "in.txt", "hello")
    program = "open('out.txt', 'w').write(open('in.txt').read().upper())"
    done = sandcrew("exec", "-", "--executor", executor, "--workdir", tmp_path, stdin=program)
    assert done.code == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "HELLO"


def test_what_is_read_only_can_be_seen_and_not_changed(tmp_path: Path) -> None:
    data = written(tmp_path, "data.txt", "hello")
    program = f"f = {str(data)!r}\nprint(open(f).read())\nopen(f, 'w')"
    done = sandcrew("exec", "-", "--read-only", data, stdin=program)
    assert (done.code, done.stdout) == (1, "hello\n")
    assert data.read_text() == "hello"


def test_a_limit_given_as_an_option_holds() -> None:
    program = "b = bytearray(200 << 20)"
    assert sandcrew("exec", "-", stdin=program).code == 0
    done = sandcrew("exec", "-", "--memory", "100MiB", stdin=program)
    assert done.code == 1
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize("executor", ["sandbox", "local"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_head_and_the_tail_of_a_flood_are_shown(executor: str, stream: str) -> None:
    program = f"import sys; print('HEAD' + 'x' * (5 << 20) + 'VERDICT', file=sys.{stream})"
    done = sandcrew("exec", "-", "--executor", executor, stdin=program)
    assert done.code == 0
    text = getattr(done, stream)
    if executor == "local" and stream == "stderr":  # it says that it does not confine
        _, _, text = text.partition("\n")
    head, note, tail = text.split("\n")[:3]
    assert head.startswith("HEAD")
    assert tail.endswith("VERDICT")
    assert len(head) == 1 << 20
    assert len(tail) == (1 << 19) - 1
    assert note == f"[… {(5 << 20) + 12 - len(head) - len(tail) - 1:,} characters dropped …]"
    assert "longer than is kept" in done.stderr


ATTACKS = {
    "a title": (r"'a\x1b]0;title\x07b'", "ab"),
    "a clipboard": (r"'a\x1b]52;c;aGk=\x1b\\b'", "ab"),
    "colours": (r"'a\x1b[31mb\x1b[0m'", "ab"),
    "one-byte starts": (r"'a\x9b31mb\x9d0;t\x9c'", "ab"),
    "a return": (r"'10%\r20%\r\n'", "10%\n20%\r\n"),
    "hidden words": (r"'a\u202eb\U000e0041'", "a⟦U+202E⟧b⟦U+E0041⟧"),
    "a backspace": (r"'a\b\b\0b'", "ab"),
    "an end in the middle": (r"'a\x1b]0;b'", "a0;b"),
}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_in_a_pipe_is_nothing_a_terminal_obeys(attack: str, stream: str) -> None:
    text, expected = ATTACKS[attack]
    write = f"for c in {text}: sys.{stream}.write(c); sys.{stream}.flush()"
    for program in (f"import sys; sys.{stream}.write({text})", f"import sys\n{write}"):
        done = sandcrew("exec", "-", stdin=program)
        assert (done.code, getattr(done, stream)) == (0, expected)


def test_raw_passes_output_on_unchanged() -> None:
    program = r"print('a\x1b]0;title\x07\r\u202eb€', end='')"
    done = sandcrew("exec", "-", "--raw", stdin=program)
    assert (done.code, done.stdout) == (0, "a\x1b]0;title\x07\r\u202eb€")


def test_json_has_the_output_as_it_was() -> None:
    done = sandcrew("exec", "-", "--json", stdin=r"print('a\x1b]0;t\x07\rb', end='')")
    assert json.loads(done.stdout)["stdout"] == "a\x1b]0;t\x07\rb"


def test_output_comes_while_the_program_runs(tmp_path: Path) -> None:
    # The program ends when it finds a file that is only written after its output was seen.
    program = "import os, time\nprint('ready')\nwhile not os.path.exists('go'): time.sleep(0.01)"
    file = written(tmp_path, "a.py", program)
    workdir = tmp_path / "work"
    workdir.mkdir()
    command = [*COMMAND, "exec", str(file), "--workdir", str(workdir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (workdir / "go").touch()
        assert process.wait(30) == 0


@pytest.mark.parametrize("executor", ["sandbox", "local"])
def test_ctrl_c_ends_the_program_and_leaves_nothing(executor: str) -> None:
    program = "import time\nprint('ready', flush=True)\ntime.sleep(600)"
    command = [*COMMAND, "exec", "-", "--executor", executor]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(program.encode())
        process.stdin.close()
        assert process.stdout.readline() == b"ready\n"
        started = psutil.Process(process.pid).children(recursive=True)
        assert started
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert b"Traceback" not in process.stderr.read()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    program = "for n in range(10**9): print(n)"
    command = [*COMMAND, "exec", "-"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(program.encode())
        process.stdin.close()
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.wait(40) == 141
        assert process.stderr.read() == b""


def test_an_executor_of_ones_own_is_given_by_its_class(tmp_path: Path) -> None:
    written(
        tmp_path,
        "mine.py",
        "from sandcrew.executors import CodeExecutor, CodeResult\n"
        "class Mine(CodeExecutor):\n"
        "    def __init__(self, *, timeout=1.0): self.timeout = timeout\n"
        "    async def execute_code_blocks(self, code_blocks, cancellation_token=None):\n"
        "        return CodeResult(5, f'{self.timeout} s', stdout=f'{self.timeout} s')\n"
        "    async def start(self): pass\n"
        "    async def stop(self): pass\n"
        "    async def restart(self): pass\n",
    )
    env = {"PYTHONPATH": str(tmp_path)}
    done = sandcrew("exec", "-", "--executor", "mine:Mine", "--timeout", "9", env=env)
    assert (done.code, done.stdout) == (5, "9.0 s")
    refused = sandcrew("exec", "-", "--executor", "mine:Mine", "--memory", "1GiB", env=env)
    assert refused.code == 2
    assert "memory" in refused.complaint
