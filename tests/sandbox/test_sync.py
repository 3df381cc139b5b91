"""The synchronous form: in scripts, in threads, below a running event loop, after a fork."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import (
    CodeResult,
    OutputEvent,
    Policy,
    Sandbox,
    SyncSandbox,
    UsageError,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def box() -> Iterator[SyncSandbox]:
    with Sandbox(Policy(timeout=30)) as box:
        yield box


def test_one_call_runs_one_program() -> None:
    result = run("print(1 + 1); open('/etc/passwd', 'a')")
    assert (result.exit_code, result.stdout) == (1, "2\n")


def test_each_call_has_files_of_its_own() -> None:
    assert run("open('left', 'w').write('x')").exit_code == 0
    assert run("import os; print(os.listdir())").output == "[]\n"


def test_a_policy_holds(box: SyncSandbox) -> None:
    assert box.run("import time; time.sleep(30)", timeout=0.2).timed_out
    assert run("echo $COLOUR", Policy(env={"COLOUR": "red"}), language="bash").output == "red\n"


def test_files_go_in_and_out(box: SyncSandbox) -> None:
    box.write_file("in/data.txt", "41")
    box.run("open('out.txt', 'w').write(str(int(open('in/data.txt').read()) + 1))")
    assert box.read_file("out.txt") == b"42"
    assert "out.txt" in [file.path for file in box.list_files()]


def test_output_comes_while_it_is_printed(box: SyncSandbox) -> None:
    code = "print('first', flush=True)\nimport time; time.sleep(30)"
    events = box.stream(code)
    first = next(events)
    assert isinstance(first, OutputEvent)
    assert first.text.startswith("first")
    started = time.monotonic()
    events.close()  # kills it
    assert time.monotonic() - started < 20
    *_, last = box.stream("print('whole')")
    assert isinstance(last, CodeResult)
    assert last.output == "whole\n"


def test_a_session_keeps_its_variables_and_branches_go_their_own_ways(box: SyncSandbox) -> None:
    with box.session() as session:
        session.run("x = 40")
        with session.branch() as branch, session.branches(2) as others:
            assert branch.run("x = x + 2; x").value == 42
            assert [other.run("x", inputs={"y": 1}).value for other in others] == [40, 40]
        assert session.run("x").value == 40
        *_, result = session.stream("x + 1")
        assert getattr(result, "value", None) == 41
        session.restart()
        assert session.run("x").exit_code == 1


def test_a_question_is_answered_on_a_thread_that_may_wait(box: SyncSandbox) -> None:
    def answer(prompt: str) -> str:
        assert box.run("print('meanwhile')").output == "meanwhile\n"
        return prompt.upper()

    with box.session(on_input=answer) as session:
        assert session.run("input('name')").value == "NAME"


def test_a_cell_is_interrupted_from_another_thread(box: SyncSandbox) -> None:
    with box.session() as session:
        events = session.stream("print('up', flush=True)\nimport time; time.sleep(30)")
        next(events)
        session.interrupt()
        *_, result = events
        assert getattr(result, "exit_code", None) == 130


def test_many_threads_share_one_sandbox(box: SyncSandbox) -> None:
    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(box.run, [f"print({number})" for number in range(24)]))
    assert [result.output for result in results] == [f"{number}\n" for number in range(24)]


async def test_it_can_be_called_below_a_running_event_loop() -> None:
    assert run("print('below')").output == "below\n"
    with Sandbox() as box:
        assert (await asyncio.to_thread(box.run, "print('beside')")).output == "beside\n"


def test_a_closed_sandbox_says_so() -> None:
    with Sandbox() as box:
        pass
    box.close()
    with pytest.raises(UsageError, match="closed"):
        box.run("")


def test_a_forked_child_is_told_to_make_its_own(box: SyncSandbox) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            box.run("")
        except UsageError as error:
            os.write(write, f"{error} {run('print(7)').output}".encode())
        finally:
            os._exit(0)
    os.close(write)
    told = os.read(read, 1000).decode()
    os.close(read)
    os.waitpid(pid, 0)
    assert "make a new one" in told
    assert told.endswith("7\n")
    assert box.run("print('still here')").output == "still here\n"


def test_the_thread_of_the_loop_cannot_wait_for_itself(box: SyncSandbox) -> None:
    refused: list[str] = []
    done = threading.Event()

    def call() -> None:
        try:
            box.run("")
        except UsageError as error:
            refused.append(str(error))
        done.set()

    box._loop.call(call)  # pyright: ignore[reportPrivateUsage]
    assert done.wait(20)
    assert "asynchronous" in refused[0]


def test_an_interrupted_wait_kills_the_program() -> None:
    script = """
import os, signal, threading
from sandcrew.sandbox import Sandbox
with Sandbox() as box:
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        box.run("import time; open('alive', 'w').close(); time.sleep(60)", timeout=50)
    except KeyboardInterrupt:
        print("interrupted", box.run("print('usable')").output, end="")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=45, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted usable\n", "", 0)


def test_a_sandbox_that_was_never_closed_ends_with_the_process_in_silence() -> None:
    script = (
        "from sandcrew.sandbox import Sandbox\nbox = Sandbox().__enter__()\n"
        "print(box.run('print(1)').output, end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=45, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
