"""A session runs cells in a live interpreter, and says of each what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from sandcrew.sandbox import (
    CellResult,
    OutputEvent,
    Policy,
    RichOutput,
    Sandbox,
    Session,
    UsageError,
)

Live = Callable[..., AbstractAsyncContextManager[Session]]


async def test_what_a_cell_leaves_the_next_one_finds(policy: Policy, live: Live) -> None:
    async with live(policy) as session:
        await session.run("import math\nx = [1]\ndef f(): return x")
        await session.run("x.append(math.floor(2.5))")
        result = await session.run("f(), __name__")
    assert (result.exit_code, result.value) == (0, [[1, 2], "__main__"])


async def test_a_fresh_run_of_the_same_sandbox_knows_nothing_of_a_session(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("import builtins; builtins.left = 1")
        result = await box.run("import builtins; print(hasattr(builtins, 'left'))")
    assert result.output == "False\n"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", 2),
        ("x = 1", None),
        ("1 + 1;", None),
        ("1 + 1 ; # not shown", None),
        ("'a;b'", "a;b"),
        ("x = 1; x + 1", 2),
        ("for i in range(3): i", None),
        ("None", None),
        ("# nothing", None),
        ("", None),
        ("'ümlaut' # ;", "ümlaut"),
        ("(1,\n 2)\n\n", [1, 2]),
    ],
)
async def test_the_value_of_a_cell_is_that_of_its_last_expression(
    code: str, value: object, live: Live
) -> None:
    async with live() as session:
        result = await session.run(code)
    assert (result.exit_code, result.value) == (0, value)
    assert bool(result.outputs) == (value is not None)


async def test_the_last_value_is_kept_as_underscore(live: Live) -> None:
    async with live() as session:
        await session.run("20 + 1")
        await session.run("unrelated = 1")
        assert (await session.run("_ * 2")).value == 42


async def test_output_arrives_while_a_cell_runs(policy: Policy) -> None:
    code = """
import os, time
print("first")
while not os.path.exists("go"): time.sleep(0.01)
print("second")
"""
    seen: list[str] = []
    async with (
        Sandbox(policy) as box,
        box.session() as session,
        aclosing(session.stream(code)) as events,
    ):
        async for event in events:
            if isinstance(event, OutputEvent):
                seen.append(event.text)
                await box.write_file("go", b"")
    assert seen == ["first\n", "second\n"]


async def test_text_errors_and_displayed_values_come_in_the_order_they_were_made(
    policy: Policy, live: Live
) -> None:
    code = """
import sys
for i in range(10):
    print("out", i)
    display(i)
    print("err", i, file=sys.stderr)
    display(-i)
"""
    seen: list[str] = []
    async with live(policy) as session:
        async for event in session.stream(code):
            if isinstance(event, OutputEvent):
                seen += event.text.split("\n")[:-1]
            elif isinstance(event, RichOutput):
                seen.append(event.data["text/plain"])
    expected = ((f"out {i}", f"{i}", f"err {i}", f"{-i}") for i in range(10))
    assert seen == [line for lines in expected for line in lines]


async def test_cells_asked_for_at_once_run_one_after_another_in_order(live: Live) -> None:
    async with live() as session:
        await session.run("done = []")
        cells = [session.run(f"done.append({i}); len(done)") for i in range(20)]
        results = await asyncio.gather(*cells)
        assert [result.value for result in results] == list(range(1, 21))
        assert (await session.run("done")).value == list(range(20))


# --- questions ---


async def test_input_without_anybody_to_answer_is_refused_with_advice(
    policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        result = await session.run("input('name? ')")
        assert result.exit_code == 1
        assert "EOFError: input() is not possible here" in result.stderr
        assert (await session.run("1")).value == 1


async def test_input_is_answered_by_a_function(policy: Policy, live: Live) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return f"grüße {len(asked)}"

    async with live(policy, on_input=answer) as session:
        result = await session.run("[input('a?'), input(), input('c?')]")
    assert result.value == ["grüße 1", "grüße 2", "grüße 3"]
    assert asked == ["a?", "", "c?"]


async def test_input_is_answered_by_a_coroutine_while_output_goes_on(live: Live) -> None:
    go = asyncio.Event()

    async def answer(prompt: str) -> str:
        await go.wait()
        return prompt.upper()

    code = (
        "import threading\nthreading.Thread(target=print, args=['meanwhile']).start()\ninput('x')"
    )
    async with live(on_input=answer) as session:
        async for event in session.stream(code):
            if isinstance(event, OutputEvent):
                go.set()
            if isinstance(event, CellResult):
                assert event.value == "X"


async def test_threads_that_ask_at_once_get_one_answer_each(live: Live) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool: answers = list(pool.map(lambda i: input(str(i)), range(40)))
answers == [f"<{i}>" for i in range(40)]
"""
    async with live(on_input="<{}>".format) as session:
        assert (await session.run(code)).value is True


async def test_an_answer_of_none_refuses_one_that_is_no_text_is_the_callers_mistake(
    live: Live,
) -> None:
    answers: list[object] = [None, 3]

    def answer(_: str) -> object:
        return answers.pop(0)

    async with live(on_input=answer) as session:
        assert "EOFError" in (await session.run("input()")).stderr
        with pytest.raises(UsageError, match="text or None, not with 3"):
            await session.run("input()")
        assert (await session.run("1")).value == 1


async def test_what_the_answering_function_raises_comes_out_and_the_state_stays(
    live: Live,
) -> None:
    def answer(_: str) -> str:
        raise LookupError("nobody at home")

    async with live(on_input=answer) as session:
        await session.run("x = 1")
        with pytest.raises(LookupError, match="nobody at home"):
            await session.run("input()")
        assert (await session.run("x")).value == 1


async def test_a_question_can_be_interrupted_and_a_late_answer_does_no_harm(live: Live) -> None:
    asked = asyncio.Event()

    async def answer(_: str) -> str:
        asked.set()
        await asyncio.sleep(3600)
        raise AssertionError

    async with live(on_input=answer) as session:
        cell = asyncio.create_task(session.run("x = 1\ninput()"))
        await asked.wait()
        session.interrupt()
        assert (await cell).exit_code == 130
        assert (await session.run("x")).value == 1


# --- await ---


async def test_await_works_at_the_top_level(policy: Policy, live: Live) -> None:
    async with live(policy) as session:
        result = await session.run(
            "import asyncio\nawait asyncio.sleep(0)\nasync def f(): return 6\nawait f() * 7"
        )
    assert result.value == 42


async def test_tasks_and_queues_live_on_from_cell_to_cell(live: Live) -> None:
    async with live() as session:
        await session.run(
            "import asyncio\nq = asyncio.Queue()\n"
            "async def worker():\n  while True: done.append(await q.get()); q.task_done()\n"
            "done = []\ntask = asyncio.create_task(worker())\nawait asyncio.sleep(0)"
        )
        await session.run("q.put_nowait(1); q.put_nowait(2)")
        assert (await session.run("await q.join()\ndone")).value == [1, 2]


async def test_code_that_brings_its_own_event_loop_runs_between_awaits(live: Live) -> None:
    async with live() as session:
        await session.run("import asyncio\nawait asyncio.sleep(0)")
        assert (await session.run("asyncio.run(asyncio.sleep(0, 5))")).value == 5
        assert (await session.run("await asyncio.sleep(0, 6)")).value == 6


# --- files, environment, network, accounts ---


async def test_each_cell_names_the_files_it_left(policy: Policy, live: Live) -> None:
    async with live(policy) as session:
        first = await session.run("file = open('a.txt', 'w'); file.write('1'); file.flush()")
        second = await session.run("open('b.txt', 'w').close()")
        third = await session.run("1")
    names = [[artifact.path for artifact in r.artifacts] for r in (first, second, third)]
    assert names == [["a.txt"], ["b.txt"], []]


async def test_the_environment_is_that_of_policy_and_session(policy: Policy, live: Live) -> None:
    async with live(policy.replace(env={"A": "1", "B": "1"}), env={"B": "2"}) as session:
        result = await session.run("import os\n[os.environ.get(k) for k in ('A', 'B', 'USER_KEY')]")
    assert result.value == ["1", "2", None]


async def test_each_cell_is_told_what_it_was_refused_and_no_other(live: Live) -> None:
    call = "import ctypes; ctypes.CDLL(None).{}(0, 0, 0, 0)"
    async with live() as session:
        first = await session.run(call.format("mount"))
        second = await session.run("1")
        third = await session.run(call.format("swapon"))
    subjects = [{denial.subject for denial in r.denials} for r in (first, second, third)]
    assert subjects == [{"mount"}, set(), {"swapon"}]


async def test_each_cell_is_told_the_hosts_it_asked_for_and_no_other(live: Live) -> None:
    fetch = """
import urllib.request
try: urllib.request.urlopen("https://{}.example.com/")
except OSError as error: print(error)
"""
    async with live(Policy(network=["files.example.org:443"])) as session:
        results = [await session.run(fetch.format(name)) for name in ("a", "b", "a")]
        results.append(await session.run("1"))
    subjects = [[denial.subject for denial in result.denials] for result in results]
    assert subjects == [["a.example.com:443"], ["b.example.com:443"], ["a.example.com:443"], []]


async def test_a_session_reaches_the_hosts_it_may(live: Live) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    async with server, live(Policy(network=[f"127.0.0.1:{port}"])) as session:
        code = f"import urllib.request\nurllib.request.urlopen({url!r}).read()"
        results = [await session.run(code) for _ in range(2)]
    assert [result.value for result in results] == [b"hi", b"hi"], results[0].output
    assert [result.contacts[0].connections for result in results] == [1, 1]


async def test_usage_is_that_of_the_cell_where_the_kernel_counts_it(live: Live) -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    async with live() as session:
        first, second = await session.run(burn), await session.run("1")
    if first.usage.cpu_seconds is None or second.usage.cpu_seconds is None:
        assert not any(layer.startswith("cgroup-v") for layer in first.isolation)
        return
    assert first.usage.cpu_seconds >= 0.3 > second.usage.cpu_seconds


# --- two sessions ---


async def test_two_sessions_of_a_sandbox_share_files_and_nothing_else(policy: Policy) -> None:
    tools = """
import os, random, tempfile
def reads(path):
    try: open(path).close()
    except OSError: return False
    return True
def reaches(pid):
    try: os.kill(pid, 0)
    except OSError: return False
    return True
"""
    forks = """
pids = []
for _ in range(20):
    pids.append(os.fork())
    if pids[-1] == 0:
        __import__("time").sleep(60)
        os._exit(0)
"""
    async with Sandbox(policy) as box, box.session() as one, box.session() as two:
        for session in (one, two):
            await session.run(tools)
        await one.run("x = 1\nopen('shared', 'w').close()\nprivate = tempfile.mkstemp()[1]")
        await one.run(forks)
        private, pids = (await one.run("private, pids")).value
        assert "NameError" in (await two.run("x")).stderr
        look = f"reads({private!r}), reaches({pids[-1]}), reads('shared')"
        assert (await one.run(look)).value == [True, True, True]
        assert (await two.run(look)).value == [False, False, True]
        drawn = [(await session.run("random.random()")).value for session in (one, two)]
        assert drawn[0] != drawn[1]


async def test_sessions_run_at_the_same_time(policy: Policy) -> None:
    meet = """
import os, time
open('{0}', 'w').close()
while not os.path.exists('{1}'): time.sleep(0.01)
"""
    async with Sandbox(policy) as box, box.session() as one, box.session() as two:
        results = await asyncio.gather(
            one.run(meet.format("a", "b")), two.run(meet.format("b", "a"))
        )
    assert [result.exit_code for result in results] == [0, 0]


# --- mistakes of the caller ---


async def test_mistakes_of_the_caller_are_said_clearly(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        with pytest.raises(UsageError, match="Unknown language 'cobol'"):
            await box.session(language="cobol").start()
        with pytest.raises(UsageError, match="no sessions of sh"):
            await box.session(language="sh").start()
        async with box.session() as session:
            with pytest.raises(UsageError, match="over the limit"):
                await session.run("#" * (17 << 20))
            with pytest.raises(UsageError, match="'a b' is not the name of a variable"):
                await session.run("1", inputs={"a b": 1})
            for memory in (0, -1, 1 << 70):
                with pytest.raises(UsageError, match="no limit of memory"):
                    await session.run("1", memory=memory)
            with pytest.raises(UsageError):
                await session.run("1", timeout=-1)
            assert (await session.run("1")).value == 1
