"""What an attacker found once must not come back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from sandcrew.sandbox import (
    BackendUnavailable,
    CodeResult,
    Policy,
    PolicyError,
    Sandbox,
    UsageError,
    seccomp,
)
from sandcrew.sandbox.guest.confine import NICENESS
from sandcrew.sandbox.interpreter import find_interpreter


@pytest.mark.parametrize(
    "code",
    [
        "os.chmod('id', 0o6755)",
        "os.fchmod(os.open('id', os.O_RDONLY), 0o4755)",
        "os.chmod('id', 0o2755)",
        "os.close(os.open('new', os.O_CREAT | os.O_WRONLY, 0o4755))",
        "os.mknod('node', 0o104755)",
    ],
)
async def test_no_file_becomes_set_uid_in_the_callers_folder(tmp_path: Path, code: str) -> None:
    program = f"""
import os
os.umask(0)
open("id", "w").write("x")
try: {code}
except OSError as error: print(error.strerror)
"""
    async with Sandbox(Policy(workdir=tmp_path)) as box:
        result = await box.run(program)
    assert result.output == "Operation not permitted\n"
    assert all(file.stat().st_mode & 0o6000 == 0 for file in tmp_path.iterdir())


async def test_files_keep_ordinary_modes(tmp_path: Path) -> None:
    async with Sandbox(Policy(workdir=tmp_path)) as box:
        result = await box.run("import os; open('a', 'w'); os.chmod('a', 0o751)")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o751


def make_executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


async def test_an_interpreter_behind_a_link_in_a_home_does_not_show_that_home(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "key").write_text("bait")
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(sys.executable)
    async with Sandbox(Policy(python=home / "bin" / "python")) as box:
        result = await box.run(f"import os; print(os.listdir({str(home)!r}), 6 * 7)")
    assert result.output == "['bin'] 42\n"


async def test_a_tool_in_a_home_does_not_show_that_home(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    make_executable(tmp_path / "bin" / "node", "#!/bin/sh\nexec cat\n")
    code = f"""
        import asyncio
        from sandcrew.sandbox import Sandbox
        async def main():
            async with Sandbox() as box:
                print((await box.run("import os; print(os.listdir({str(tmp_path)!r}))")).output)
        asyncio.run(main())
    """
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['bin']"


def test_an_interpreter_whose_folder_is_the_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path.resolve()
    make_executable(prefix / "python", f"#!/bin/sh\nprintf '%s\\n' x {prefix} {prefix} {prefix}\n")
    monkeypatch.setenv("HOME", str(prefix))
    with pytest.raises(PolicyError, match="would show guests your files"):
        find_interpreter(prefix / "python")


@pytest.mark.parametrize("state", ["umask", "blocked", "ignored", "closed"])
def test_what_a_caller_does_to_its_own_process_does_not_reach_guests(
    state: str, tmp_path: Path
) -> None:
    change = {
        "umask": "os.umask(0o077)",
        "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])",
        "ignored": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "closed": "os.closerange(0, 1)",
    }[state]
    code = f"""
        import asyncio, os, signal
        from sandcrew.sandbox import Policy, Sandbox
        {change}
        async def main():
            async with Sandbox(Policy(workdir={str(tmp_path)!r})) as box:
                for _ in range(3):
                    result = await box.run("open('made', 'w'); print(6 * 7)")
                    assert result.output == "42\\n", result
        asyncio.run(main())
        print("fine")
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "fine\n", done.stderr
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise its priority")
def test_the_callers_higher_priority_is_not_that_of_guests() -> None:
    code = (
        "import os; os.nice(-5)\n"
        "from sandcrew.sandbox import run\n"
        "print(os.getpriority(0, 0), run('import os; print(os.getpriority(0, 0))').output)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    caller, guest = map(int, done.stdout.split())
    assert (caller < 0, guest) == (True, NICENESS)


async def test_a_guest_that_hands_its_output_on_does_not_live_longer_for_it() -> None:
    receiver = """
import os, socket, array
server = socket.socket(socket.AF_UNIX); server.bind("/workspace/s"); server.listen()
conn, _ = server.accept()
data, ancillary, *_ = conn.recvmsg(1, socket.CMSG_SPACE(8))
fd = array.array("i", ancillary[0][2])[0]
while True: os.write(fd, b"forged\\n")
"""
    sender = """
import array, os, socket, time
while not os.path.exists("/workspace/s"): time.sleep(0.01)
sock = socket.socket(socket.AF_UNIX)
while True:
    try: sock.connect("/workspace/s"); break
    except OSError: time.sleep(0.01)
sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1]))])
"""
    async with Sandbox() as box:
        held = box.new_run()

        async def hold() -> None:
            async for _ in box.stream(receiver, run=held):
                pass

        task = asyncio.create_task(hold())
        async with asyncio.timeout(20):
            result = await box.run(sender)
        held.cancel()
        await task
    assert (result.exit_code, result.timed_out) == (0, False)
    assert result.duration < 15


async def test_guests_cannot_see_which_programs_others_start(policy: Policy) -> None:
    """In a folder that all of them share, a watch would tell."""
    code = """
import ctypes, os, subprocess
libc = ctypes.CDLL(None)
watch = libc.inotify_init1(os.O_NONBLOCK)
libc.inotify_add_watch(watch, b"/usr/bin", 0x20)
subprocess.run(["/usr/bin/env", "true"])
print(watch >= 0 and b"env" in os.read(watch, 1 << 16))
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout == "True\n"
    async with Sandbox(policy) as box:
        assert (await box.run(code)).output == "False\n"


async def test_guests_without_a_filter_leave_the_caller_its_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> NoReturn:
        raise BackendUnavailable("seccomp", why="it is not there", remedy="Install it.")

    monkeypatch.setattr(seccomp, "filters", none)
    code = """
import ctypes
libc = ctypes.CDLL(None)
print(sum(libc.inotify_init() >= 0 for _ in range(200)))
"""
    async with Sandbox(Policy(allow_missing=["seccomp"])) as box:
        taken = int((await box.run(code)).output)
    assert 0 < taken <= 32


@pytest.mark.parametrize("kind", ["socket", "fifo"])
@pytest.mark.parametrize("key", ["read_only", "workdir"])
def test_a_folder_with_a_way_out_in_it_is_not_shown(tmp_path: Path, kind: str, key: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        if kind == "socket":
            sock.bind(str(tmp_path / "way"))
        else:
            os.mkfifo(tmp_path / "way")
        with pytest.raises(PolicyError, match=f"^{key}: .*way.* socket, pipe or device"):
            Policy.from_mapping({key: [tmp_path] if key == "read_only" else tmp_path})


@pytest.mark.parametrize("path", ["/proc", "/sys/kernel", "/dev", "/run", "/tmp", ""])
def test_what_shows_the_host_or_cannot_be_shown_is_refused(path: str) -> None:
    with pytest.raises(PolicyError, match=r"^workdir: "):
        Policy(workdir=path)
    with pytest.raises(PolicyError, match=r"^read_only: "):
        Policy(read_only=[path])


def test_a_workspace_and_what_is_only_to_be_read_do_not_overlap(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(PolicyError, match="overlap"):
        Policy(workdir=tmp_path, read_only=[tmp_path / "sub"])


async def test_a_time_limit_holds_when_the_zygote_does_not_answer() -> None:
    async with Sandbox() as box:
        await box.run("print(1)")
        guard = psutil.Process().children()[0]
        zygote = guard.children()[0]
        zygote.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(30):
            while not (await box.run("print(1)", timeout=0.3)).timed_out:
                pass  # use up the guests that waited
        zygote.send_signal(signal.SIGCONT)
        assert (await box.run("print('usable')")).output == "usable\n"


async def test_a_sandbox_closed_while_it_starts_is_closed() -> None:
    box = Sandbox()
    task = asyncio.create_task(box.run("print(1)"))
    await asyncio.sleep(0)
    await box.close()
    with pytest.raises(UsageError, match="closed"):
        await task
    assert psutil.Process().children(recursive=True) == []


def test_a_fork_of_the_owner_does_not_keep_guests_alive() -> None:
    code = """
        import asyncio, os, sys
        from sandcrew.sandbox import Sandbox
        async def main():
            async with Sandbox() as box:
                async for _ in box.stream("print(1, flush=True)\\nwhile True: pass"):
                    if os.fork() == 0:
                        sys.stdin.read()  # holds copies of all descriptors until we say
                        os._exit(0)
                    print("running", flush=True)
        asyncio.run(main())
    """
    owner = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        assert owner.stdout.readline() == "running\n"
        family = psutil.Process(owner.pid).children(recursive=True)
        guests = [p for p in family if "guest" in " ".join(p.cmdline())]
        owner.kill()
        _, alive = psutil.wait_procs(guests, timeout=20)
        assert alive == []
        owner.stdin.close()


@pytest.mark.parametrize(
    "options",
    [
        {"env": {"": "x"}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "\ud800"}},
        {"env": {"A": "x" * 200_000}},
        {"timeout": -1},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"file": "a\ud800.py"},
    ],
)
async def test_odd_options_of_a_run_are_refused_before_it_starts(
    options: dict[str, object],
) -> None:
    async with Sandbox() as box:
        with pytest.raises(UsageError):
            await box.run("print(1)", **options)  # type: ignore[arg-type]
        assert (await box.run("print(1)")).output == "1\n"


async def test_files_are_copied_with_their_attributes_and_std_streams_opened_by_name() -> None:
    code = """
import shutil, subprocess
open("a", "w").write("x")
shutil.copy2("a", "b")
subprocess.run("cp -a a c && mv c d && echo out > /dev/stdout && echo err > /dev/stderr",
               shell=True, check=True)
"""
    async with Sandbox() as box:
        result = await box.run(code)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "out\n", "err\n"), result


async def test_a_folder_with_more_files_than_a_walk_reads_names_only_new_ones(
    tmp_path: Path,
) -> None:
    for number in range(11_000):
        (tmp_path / f"old-{number}").touch()
    await asyncio.sleep(0.05)  # a tick of the file system's clock
    code = "import os\nfor n in range(5000): os.remove(f'old-{n}')"
    async with Sandbox(Policy(workdir=tmp_path)) as box:
        result = await box.run(code)
    assert isinstance(result, CodeResult)
    assert result.artifacts == ()


async def test_what_a_preloaded_module_prints_is_not_in_every_output() -> None:
    async with Sandbox(Policy(preload=["this"])) as box:
        assert (await box.run("print(1)")).output == "1\n"


async def test_files_below_var_tmp_can_be_shown() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        Path(folder, "a").write_text("shown")
        async with Sandbox(Policy(read_only=[folder])) as box:
            assert (await box.run(f"print(open({folder + '/a'!r}).read())")).output == "shown\n"
