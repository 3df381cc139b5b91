"""A kernel's life: its interruption, its death, its beginning and end.

test_autogen_defects.py has what is kept over time limits, and the turns of overlapping calls.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendCrashed,
    BackendUnavailable,
    CancellationToken,
    CodeBlock,
    JupyterCodeExecutor,
    JupyterCodeResult,
    OutputEvent,
    UsageError,
)
from sandcrew.executors.testing.base import DAEMON, ENDLESS, IGNORES_SIGTERM, LOOK
from sandcrew.sandbox import Policy


def python(code: str) -> CodeBlock:
    return CodeBlock(code, "python")


async def run(executor: JupyterCodeExecutor, *codes: str) -> JupyterCodeResult:
    result = await executor.execute_code_blocks([python(code) for code in codes])
    assert isinstance(result, JupyterCodeResult)
    return result


# --- interruption ---


async def test_a_cell_that_ignores_the_interrupt_is_killed_with_its_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandcrew.executors.jupyter.kernel.OBEY_SECONDS", 1.0)
    async with JupyterCodeExecutor(timeout=1) as executor:
        result = await executor.execute_code_blocks([IGNORES_SIGTERM])
        deaf = "import time\nwhile True:\n  try: time.sleep(60)\n  except BaseException: pass"
        deaf_result = await run(executor, deaf)
        after = await run(executor, "print(1)")
    assert (result.timed_out, result.output) == (True, "begun\n")
    assert (deaf_result.timed_out, deaf_result.kernel_lost) == (True, True)
    assert after.output == "1\n"


async def test_cancelling_the_task_interrupts_the_cell() -> None:
    async with JupyterCodeExecutor() as executor:
        await run(executor, "x = 41")
        call = asyncio.create_task(executor.execute_code_blocks([ENDLESS]))
        await asyncio.sleep(0.5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await run(executor, "x + 1")).output == "42\n"


async def test_leaving_the_stream_interrupts_the_cell() -> None:
    async with JupyterCodeExecutor() as executor:
        await run(executor, "x = 41")
        stream = executor.stream([ENDLESS])
        async for event in stream:
            if isinstance(event, OutputEvent):
                break
        await stream.aclose()
        assert (await run(executor, "x + 1")).output == "42\n"


async def test_a_call_cancelled_before_its_turn_ends_at_once_and_never_runs() -> None:
    token = CancellationToken()
    async with JupyterCodeExecutor() as executor:
        running = asyncio.create_task(executor.execute_code_blocks([ENDLESS]))
        waiting = asyncio.create_task(executor.execute_code_blocks([python("x = 1")], token))
        await asyncio.sleep(0.3)
        token.cancel()
        assert (await waiting).cancelled
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        assert (await run(executor, "'x' in globals()")).output == "False\n"


async def test_an_interrupt_that_comes_before_the_cell_begins_is_heard_all_the_same() -> None:
    async with JupyterCodeExecutor() as executor:
        await run(executor, "x = 41")
        for _ in range(10):
            token = CancellationToken()
            call = asyncio.create_task(executor.execute_code_blocks([ENDLESS], token))
            await asyncio.sleep(0)
            token.cancel()
            assert (await call).cancelled
        assert (await run(executor, "x + 1")).output == "42\n"


# --- death ---


async def test_a_dead_kernel_is_a_result_and_the_next_call_has_a_new_one() -> None:
    async with JupyterCodeExecutor() as executor:
        await run(executor, "x = 1; open('kept.txt', 'w').close()")
        # A moment later: what a kernel prints goes out from another thread.
        end = "import os, time; print('last words'); time.sleep(0.5); os.abort()"
        died = await run(executor, end)
        after = await run(executor, "import os; print('x' in globals(), os.listdir())")
    assert (died.exit_code, died.kernel_lost) == (128 + signal.SIGABRT, True)
    assert died.stdout == "last words\n"
    assert "variables are gone" in died.stderr
    assert "variables and imports are gone" in died.receipt()
    assert (after.output, after.kernel_lost) == ("False ['kept.txt']\n", False)


async def test_a_kernel_killed_from_outside_mid_cell_is_a_result() -> None:
    code = "import os, subprocess\nsubprocess.Popen(['/bin/sh', '-c', f'kill -9 {os.getpid()}'])\n"
    async with JupyterCodeExecutor() as executor:
        result = await run(executor, code + "import time; time.sleep(60)")
        assert (result.exit_code, result.kernel_lost) == (137, True)
        assert (await run(executor, "print(1)")).output == "1\n"


async def test_a_kernel_that_is_told_to_exit_is_replaced() -> None:
    async with JupyterCodeExecutor() as executor:
        result = await run(executor, "exit()")
        assert (result.exit_code, result.kernel_lost) == (0, True)
        assert (await run(executor, "print(1)")).output == "1\n"


async def test_a_kernel_out_of_memory_is_a_result() -> None:
    async with JupyterCodeExecutor(policy=Policy(memory="256MiB")) as executor:
        result = await run(executor, "x = bytearray(1 << 30)")
        assert result.exit_code != 0
        assert (await run(executor, "print(1)")).output == "1\n"


async def test_what_a_cell_leaves_running_lives_with_the_kernel_and_dies_with_it(
    tmp_path: Path,
) -> None:
    async with JupyterCodeExecutor(work_dir=tmp_path) as executor:
        assert (await executor.execute_code_blocks([DAEMON])).output == "alive\n"
        assert (await executor.execute_code_blocks([LOOK])).output.endswith("alive\n")
        await executor.restart()
        assert (await executor.execute_code_blocks([LOOK])).output == "dead\n"


async def test_what_a_forked_child_prints_later_is_not_taken_for_another_cell_s() -> None:
    fork = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n"
        "    os.write(1, b'from the child')\n"
        "    os._exit(0)\n"
    )
    async with JupyterCodeExecutor() as executor:
        await run(executor, fork)
        await executor.write_file("go", b"")
        await run(executor, "time.sleep(0.3)")
        assert (await run(executor, "print(1)")).output == "1\n"


# --- beginning and end ---


async def test_a_restart_forgets_variables_and_keeps_files() -> None:
    async with JupyterCodeExecutor() as executor:
        await run(executor, "x = 1; _ = open('kept.txt', 'w').write('x')")
        await executor.restart()
        assert (await run(executor, "'x' in globals()")).output == "False\n"
        assert await executor.read_file("kept.txt") == b"x"


def test_a_kernel_that_is_not_installed_is_answered_with_those_that_are() -> None:
    with pytest.raises(BackendUnavailable, match=r"'nothing'.*python3"):
        JupyterCodeExecutor("nothing")


def installed_kernel(folder: Path, code: str) -> str:
    """A kernel of that code, as a spec of its own."""
    import json

    spec = folder / "data" / "kernels" / "odd"
    spec.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-c", code, "{connection_file}"]
    text = json.dumps({"argv": argv, "display_name": "odd", "language": "python"})
    (spec / "kernel.json").write_text(text)
    return "odd"


@pytest.mark.parametrize("where", ["sandbox", "local"])
@pytest.mark.filterwarnings("ignore:JupyterCodeExecutor")
async def test_a_kernel_that_dies_at_its_start_is_told_with_its_last_words(
    jupyter_home: Path, where: Any
) -> None:
    name = installed_kernel(jupyter_home, "raise SystemExit('no such thing')")
    with pytest.raises(BackendCrashed, match="no such thing"):
        await JupyterCodeExecutor(name, where=where).start()


@pytest.mark.filterwarnings("ignore:JupyterCodeExecutor")
@pytest.mark.parametrize("where", ["sandbox", "local"])
@pytest.mark.parametrize(
    "instead", ["import time; time.sleep(3600)", "while True: print('x' * 99)"]
)
async def test_a_kernel_that_never_answers_is_killed_also_if_it_floods(
    jupyter_home: Path, monkeypatch: pytest.MonkeyPatch, where: Any, instead: str
) -> None:
    monkeypatch.setattr("sandcrew.executors.jupyter.kernel.START_SECONDS", 1.0)
    name = installed_kernel(jupyter_home, instead)
    with pytest.raises(BackendCrashed, match="did not answer"):
        await JupyterCodeExecutor(name, where=where).start()


async def test_a_link_in_the_place_of_a_socket_is_not_followed(jupyter_home: Path) -> None:
    code = "import os, time\nfor n in range(1, 6): os.symlink('/tmp/x', f'/tmp/k-{n}')\n"
    name = installed_kernel(jupyter_home, code + "time.sleep(3600)")
    with pytest.raises(BackendCrashed, match="no socket"):
        await JupyterCodeExecutor(name).start()


@pytest.mark.filterwarnings("ignore:JupyterCodeExecutor")
@pytest.mark.parametrize("where", ["sandbox", "local"])
async def test_socket_paths_are_short_however_deep_the_temporary_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    async with JupyterCodeExecutor(where=where) as executor:
        assert (await run(executor, "print(1)")).output == "1\n"
    assert list(deep.iterdir()) == []


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_open_or_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with JupyterCodeExecutor() as executor:
        await run(executor, "import os")
    before = descriptors()
    for _ in range(2):
        async with JupyterCodeExecutor() as executor:
            await run(executor, "os.abort() if 'os' in globals() else None")
            await run(executor, "import os; os.abort()")
    assert descriptors() == before
    assert list(tmp_path.iterdir()) == []


OWNER = """
import asyncio, sys
from sandcrew.executors import JupyterCodeExecutor, OutputEvent
from sandcrew.executors.testing.base import ENDLESS_DAEMON

async def main():
    async with JupyterCodeExecutor(work_dir=sys.argv[1]) as executor:
        async for event in executor.stream([ENDLESS_DAEMON]):
            if isinstance(event, OutputEvent):
                print(event.text, end="", flush=True)

asyncio.run(main())
"""


def test_everything_dies_with_the_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "tmp"
    work.mkdir()
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", OWNER, str(work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"alive\n"
        owner.kill()
    with (work / "alive").open("w") as lock:
        # The daemon holds this lock while it lives: this line hangs if it survived.
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert list(temporary.iterdir()) != []
    again = "import asyncio; from sandcrew.executors import JupyterCodeExecutor as E\n"
    again += "async def main():\n  async with E(): pass\nasyncio.run(main())"
    subprocess.run([sys.executable, "-c", again], env=environment, check=True)
    assert list(temporary.iterdir()) == []


@pytest.mark.filterwarnings("ignore:JupyterCodeExecutor")
def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="where"):
        JupyterCodeExecutor(where="moon")  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(UsageError, match="policy"):
        JupyterCodeExecutor(where="local", policy=Policy())
    with pytest.raises(UsageError, match="Unix sockets"):
        JupyterCodeExecutor(policy=Policy(profile="landlock"))
    with pytest.raises(UsageError, match="timeout"):
        JupyterCodeExecutor(timeout=-1)


async def test_twenty_kernels_start_at_once() -> None:
    executors = [JupyterCodeExecutor() for _ in range(20)]
    try:
        await asyncio.gather(*(executor.start() for executor in executors))
        results = await asyncio.gather(*(run(executor, "6 * 7") for executor in executors))
    finally:
        await asyncio.gather(*(executor.stop() for executor in executors))
    assert [result.output for result in results] == ["42\n"] * 20
