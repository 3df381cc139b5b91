"""A sandbox runs programs and says what they did."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from sandcrew.sandbox import CodeResult, OutputEvent, Policy, PolicyError, Sandbox, UsageError


async def test_a_program_runs_in_a_fresh_interpreter(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.run("import builtins; builtins.left = 1")
        result = await box.run("import builtins; print(hasattr(builtins, 'left'), __name__)")
    assert (result.exit_code, result.output) == (0, "False __main__\n")


async def test_a_sandbox_starts_by_itself_and_is_closed_once_for_all(policy: Policy) -> None:
    box = Sandbox(policy)
    assert (await box.run("print(1)")).output == "1\n"
    await box.close()
    await box.close()
    with pytest.raises(UsageError, match="closed"):
        await box.run("print(1)")


async def test_the_layers_that_were_enforced_are_named(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        isolation = (await box.run("")).isolation
    named = {
        "namespaces": {"user-namespace", "network-namespace", "seccomp", "private-root"},
        "landlock": {"profile-landlock", "landlock-files", "seccomp", "no-sockets"},
    }
    assert named[policy.profile] <= set(isolation)
    assert ("network-namespace" in isolation) == (policy.profile == "namespaces")
    assert any(name.startswith("landlock-") for name in isolation)


async def test_usage_is_accounted_by_the_kernel(policy: Policy) -> None:
    code = "x = bytearray(50 << 20)\nimport time\nwhile time.process_time() < 0.2: pass"
    async with Sandbox(policy) as box:
        usage = (await box.run(code)).usage
    assert usage.cpu_seconds is not None
    assert usage.cpu_seconds >= 0.2
    assert usage.peak_memory is not None
    assert usage.peak_memory > 50 << 20


async def test_output_arrives_while_the_program_runs(policy: Policy) -> None:
    code = """
import os, time
print("first")
while not os.path.exists("go"): time.sleep(0.01)
print("second")
"""
    seen: list[str] = []
    async with Sandbox(policy) as box, aclosing(box.stream(code)) as events:
        async for event in events:
            if isinstance(event, OutputEvent):
                seen.append(event.text)
                await box.write_file("go", b"")
    assert "".join(seen) == "first\nsecond\n"
    assert len(seen) == 2


async def test_both_streams_come_in_the_order_they_were_written(policy: Policy) -> None:
    code = "import sys\nfor i in range(20): print(i); print(-i, file=sys.stderr)"
    async with Sandbox(policy) as box:
        result = await box.run(code)
    assert result.output == "".join(f"{i}\n{-i}\n" for i in range(20))


async def test_files_go_in_and_out(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.write_file("in/data.bin", b"\0\1\2")
        result = await box.run(
            "data = open('in/data.bin', 'rb').read()\nopen('out.txt', 'w').write(str(len(data)))"
        )
        assert [artifact.path for artifact in result.artifacts] == ["out.txt"]
        assert await box.read_file("out.txt") == b"3"
        assert [file.path for file in await box.list_files()] == ["in/data.bin", "out.txt"]


async def test_files_the_program_may_change_and_delete_are_those_put_there(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.write_file("d/a", b"1")
        result = await box.run("import os; open('d/a', 'a').write('2'); os.rename('d/a', 'b')")
        assert result.exit_code == 0, result.output
        assert await box.read_file("b") == b"12"


async def test_a_file_left_open_by_the_program_is_flushed(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.run("file = open('out', 'w'); file.write('kept')")
        assert await box.read_file("out") == b"kept"


@pytest.mark.parametrize("preload", [[], ["threading"]])
async def test_exit_functions_and_threads_end_as_in_an_interpreter_of_its_own(
    policy: Policy, preload: list[str]
) -> None:
    code = """
import atexit, threading, time
atexit.register(print, "last")
threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
print("main")
"""
    async with Sandbox(policy.replace(preload=preload)) as box:
        assert (await box.run(code)).output == "main\nthread\nlast\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "text"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('why')", 1, "why\n"),
        ("raise SystemExit", 0, ""),
        ("import os; os._exit(9)", 9, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
        ("import sys; sys.excepthook = None\n1/0", 1, "ZeroDivisionError"),
        ("import atexit; atexit.register(lambda: 1/0)", 0, "ZeroDivisionError"),
    ],
)
async def test_the_exit_code_is_the_programs_own(
    policy: Policy, code: str, exit_code: int, text: str
) -> None:
    async with Sandbox(policy) as box:
        result = await box.run(code)
    assert result.exit_code == exit_code
    assert text in result.output


async def test_a_traceback_shows_the_programs_lines_and_none_of_ours(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        result = await box.run("def f():\n    1 / 0\nf()")
    assert "line 3, in <module>\n    f()" in result.stderr
    assert result.stderr.count("File ") == 2


async def test_a_program_can_be_a_file_of_the_workspace(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        code = "import os; print(os.path.relpath(__file__), __file__.startswith(os.getcwd()))"
        result = await box.run(code, file="pkg/mod.py")
        assert result.output == "pkg/mod.py True\n"
        assert [artifact.path for artifact in result.artifacts] == ["pkg/mod.py"]
        assert (await box.run("import pkg.mod")).output == "pkg/mod.py True\n"


@pytest.mark.parametrize("file", ["../x.py", "/etc/x.py", "a/../../x.py", "a\0b"])
async def test_a_program_file_stays_in_the_workspace(policy: Policy, file: str) -> None:
    async with Sandbox(policy) as box:
        with pytest.raises(UsageError, match="not the name of a file"):
            await box.run("", file=file)


async def test_an_unknown_language_names_the_known_ones(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        with pytest.raises(UsageError, match=r"'cobol'.*python"):
            await box.run("", language="cobol")


async def test_the_folder_of_the_caller_is_the_workspace(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("in")
    (tmp_path / "in.txt").chmod(0o600)
    async with Sandbox(policy.replace(workdir=tmp_path)) as box:
        result = await box.run(
            "open('out.txt', 'w').write(open('in.txt').read() * 2)\nopen('in.txt', 'a').write('!')"
        )
        assert result.exit_code == 0, result.output
        await box.write_file("d/host.txt", b"host")
        assert (await box.run("open('d/host.txt', 'a').write('+guest')")).exit_code == 0
    assert (tmp_path / "out.txt").read_text() == "inin"
    assert (tmp_path / "in.txt").read_text() == "in!"
    assert (tmp_path / "d" / "host.txt").read_text() == "host+guest"
    owners = {path.stat().st_uid for path in tmp_path.rglob("*")}
    assert owners == {tmp_path.stat().st_uid}


async def test_named_files_of_the_host_can_be_read_and_not_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "a.txt").write_text("a")
    (tmp_path / "hidden.txt").write_text("b")
    code = f"""
import os
print(open({str(tmp_path / "shown" / "a.txt")!r}).read(), os.listdir({str(tmp_path)!r}))
try: open({str(tmp_path / "shown" / "b.txt")!r}, "w")
except OSError as error: print(error.strerror)
"""
    async with Sandbox(Policy(read_only=[tmp_path / "shown"])) as box:
        assert (await box.run(code)).output == "a ['shown']\nRead-only file system\n"


async def test_only_the_named_variables_are_set(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    async with Sandbox(policy.replace(env={"A": "1"})) as box:
        result = await box.run(
            "import os; print('SECRET' in os.environ, os.environ['A'], os.environ['B'])",
            env={"B": "2"},
        )
    assert result.output == "False 1 2\n"


async def test_modules_are_loaded_beforehand_and_a_wrong_name_is_refused(policy: Policy) -> None:
    async with Sandbox(policy.replace(preload=["decimal"])) as box:
        assert (await box.run("import sys; print('decimal' in sys.modules)")).output == "True\n"
    with pytest.raises(PolicyError, match=r"preload: 'nowhere_to_be_found'"):
        await Sandbox(policy.replace(preload=["nowhere_to_be_found"])).start()


async def test_what_pandas_loads_at_its_first_use_is_preloaded_with_it() -> None:
    code = """
import sys
before = set(sys.modules)
import pandas
str(pandas.DataFrame({"n": [1, 2]}).describe())
print(len(set(sys.modules) - before))
"""
    async with Sandbox(Policy(preload=["pandas"])) as box:
        assert (await box.run(code)).output == "0\n"
    async with Sandbox() as box:
        assert int((await box.run(code)).output) > 300


async def test_random_numbers_differ_between_runs_of_one_sandbox(policy: Policy) -> None:
    code = "import random, uuid, os; print(random.random(), uuid.uuid4(), os.urandom(4))"
    async with Sandbox(policy.replace(preload=["random", "uuid"])) as box:
        results = {(await box.run(code)).output for _ in range(5)}
    assert len(results) == 5


async def test_a_sandbox_can_be_used_on_one_event_loop_after_another(policy: Policy) -> None:
    box = Sandbox(policy)

    def use(code: str) -> CodeResult:
        return asyncio.run(box.run(code))

    assert (await asyncio.to_thread(use, "open('a', 'w').write('kept')")).exit_code == 0
    assert (await asyncio.to_thread(use, "print(open('a').read())")).output == "kept\n"
    await box.close()


async def test_one_processor_is_one_processor(policy: Policy) -> None:
    code = """
import os
print(len(os.sched_getaffinity(0)))
try: os.sched_setaffinity(0, range(64))
except OSError as error: print(error.strerror)
"""
    async with Sandbox(policy.replace(cpus=1)) as box:
        assert (await box.run(code)).output == "1\nOperation not permitted\n"


async def test_another_interpreter_can_be_named(policy: Policy) -> None:
    other = Path("/usr/bin/python3")
    if not other.exists():
        pytest.skip("there is no /usr/bin/python3")
    async with Sandbox(policy.replace(python=other)) as box:
        assert (await box.run("import sys; print(sys.prefix)")).output == "/usr\n"


async def test_the_interpreter_is_the_callers_own_with_its_packages(policy: Policy) -> None:
    if policy.python:
        pytest.skip("root's own interpreter is out of reach for a user id that owns nothing")
    async with Sandbox(policy) as box:
        result = await box.run("import sys, pytest; print(sys.prefix)")
    assert result.output == f"{sys.prefix}\n"
