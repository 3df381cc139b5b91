"""What the fork server is while it imports, and what it refuses to import."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
from pathlib import Path

import psutil
import pytest

from sandcrew.sandbox import Policy, PolicyError, Sandbox

from .environments import an_interpreter_with

# What a module of the environment could do when it is imported, if it were hostile.
ATTEMPTS = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *args):
    ctypes.set_errno(0)
    if getattr(libc, name)(*args) == -1:
        raise OSError(ctypes.get_errno(), name)

def system_call(number):
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), str(number))

def attempt(do):
    try: do()
    except OSError as error: return error.strerror
    return "done"

def write(path):
    return lambda: os.close(os.open(path, os.O_WRONLY))

TRIED = {
    "write a sysctl": attempt(write("/proc/sys/kernel/core_uses_pid")),
    "write another": attempt(write("/proc/sys/user/max_user_namespaces")),
    "be root": attempt(lambda: os.setuid(0)),
    "change the root": attempt(lambda: os.chroot("/")),
    "mount": attempt(lambda: call("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None)),
    "name the host": attempt(lambda: call("sethostname", b"mine", 4)),
    "make a device": attempt(lambda: os.mknod("/tmp/kmem", 0o20666, os.makedev(1, 2))),
    "take a file": attempt(lambda: os.chown("/usr/bin/env", os.getuid(), os.getgid())),
    "bpf": attempt(lambda: system_call(321)),
    "perf": attempt(lambda: call("syscall", 298, 0, 0, -1, -1, 0)),
    "keys": attempt(lambda: system_call(250)),
    "io_uring": attempt(lambda: system_call(425)),
}
STATUS = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines())
"""
_NONE = "0" * 16


@pytest.fixture
def policy(policy: Policy, tmp_path: Path) -> Policy:
    """Of each profile, with an interpreter whose guests can reach it."""
    folder = tmp_path if policy.profile == "namespaces" else _reachable(tmp_path)
    return policy.replace(python=an_interpreter_with(folder / "python", MODULES, policy.python))


def _reachable(folder: Path) -> Path:
    """The folder, opened for the user id of guests that root starts without namespaces."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o1:
            parent.chmod(0o711)
    return folder


HOLDING = {
    "threading": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,), name='mine', daemon=True).start()",
    "running": "import subprocess\nsubprocess.Popen(['sleep', '60'])",
    "forking": "import os, time\nif os.fork() == 0:\n  if os.fork() == 0: time.sleep(60)\n"
    "  os._exit(0)\nos.wait()",
    "pairing": "import socket\nPAIR = socket.socketpair()",
    "piping": "import os\nPIPE = os.pipe()",
    "writing": "FILE = open('/dev/null', 'w')",
    "keeping": "import os\nFILE = open(os.environ['HOME'] + '/cache', 'w')",
    "polling": "import select\nPOLL = select.epoll()",
    "replacing": "import os\nfile = os.open('/usr/bin/env', os.O_RDONLY)\n"
    "os.dup2(file, 1)\nos.close(file)",
}
LEFT = {
    "threading": r"a thread \(mine\)",
    "running": "a process",
    "forking": "a process",
    "replacing": "a descriptor",
}
TIDY = r"""
import os, socket, subprocess, threading
thread = threading.Thread(target=print); thread.start(); thread.join()
subprocess.run(["true"])
subprocess.Popen(["true"])  # it has ended soon
for one in socket.socketpair(): one.close()
data = open("/usr/bin/env")
"""
MODULES = {
    "attempts": ATTEMPTS,
    "tidy": TIDY,
    "reserving": "import mmap\nROOM = mmap.mmap(-1, 400 << 20, mmap.MAP_PRIVATE)",
    **{f"{name}_ever": code for name, code in HOLDING.items()},
}


async def test_what_is_imported_for_all_has_no_privilege(policy: Policy) -> None:
    async with Sandbox(policy.replace(preload=["attempts"])) as box:
        result = await box.run("import attempts; print(attempts.TRIED); print(attempts.STATUS)")
    tried, status = map(ast.literal_eval, result.output.splitlines())
    assert {what: how for what, how in tried.items() if how == "done"} == {}
    assert {status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {_NONE}
    if os.geteuid() == 0 or policy.profile == "namespaces":  # nobody else can change the set
        assert status["CapBnd"] == _NONE
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split() + status["Gid"].split() + status["Groups"].split()


async def test_no_process_of_a_sandbox_has_privilege(policy: Policy) -> None:
    """As the host sees it: the guard, the fork server, guests and branches."""
    before = set(psutil.Process().children(recursive=True))
    async with Sandbox(policy) as box, box.session() as session, session.branch() as branch:
        await branch.run("1")
        status = await _settled(before)
    assert len(status) >= 6
    for fields in status:
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        assert os.geteuid() or "0" not in fields["Uid"].split() + fields["Gid"].split()
    assert [fields["Seccomp"] for fields in status].count("2") == len(status) - 1  # the guard


async def _settled(before: set[psutil.Process]) -> list[dict[str, str]]:
    """What became of the processes: those in the making have all in namespaces of their own."""
    for _ in range(500):
        with contextlib.suppress(FileNotFoundError):
            found = set(psutil.Process().children(recursive=True)) - before
            status = [_status_of(process.pid) for process in found]
            if not any(int(fields["CapEff"], 16) for fields in status):
                return status
        await asyncio.sleep(0.01)
    raise AssertionError("some keep what they have")


def _status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("what", HOLDING)
async def test_what_a_fork_would_not_have_is_refused_by_name(policy: Policy, what: str) -> None:
    left = LEFT.get(what, "a descriptor")
    with pytest.raises(PolicyError, match=f"preload: '{what}_ever' .* leaves {left}.* behind"):
        await Sandbox(policy.replace(preload=["tidy", f"{what}_ever", "json"])).start()


async def test_a_module_that_tidies_up_is_imported(policy: Policy) -> None:
    async with Sandbox(policy.replace(preload=["tidy"])) as box:
        result = await box.run("import sys; print('tidy' in sys.modules)")
    assert result.output == "True\n"


@pytest.mark.parametrize("module", ["numpy", "pyarrow", "polars"])
async def test_threads_that_begin_anew_after_a_fork_are_no_hindrance(module: str) -> None:
    use = {
        "numpy": "numpy.ones((300, 300)) @ numpy.ones((300, 300))",
        "pyarrow": "pyarrow.array(range(9)).sort()",
        "polars": "polars.DataFrame({'a': range(9)}).lazy().select('a').collect()",
    }
    async with Sandbox(Policy(preload=[module])) as box:
        code = f"import sys; print({module!r} in sys.modules)\nimport {module}\n{use[module]}"
        result = await box.run(code)
        async with box.session() as session:
            cell = await session.run(code)
    assert (result.exit_code, result.output) == (cell.exit_code, cell.stdout) == (0, "True\n")


async def test_what_libraries_reserve_is_no_memory_of_guests(policy: Policy) -> None:
    """Address space that the fork server has and nobody uses counts as data (RLIMIT_DATA)."""
    policy = policy.replace(preload=["reserving"], memory="256M")
    async with Sandbox(policy) as box, box.session() as session:
        assert (await session.run("a = bytearray(64 << 20)")).exit_code == 0
        assert (await session.run("b = bytearray(400 << 20)")).exit_code != 0
        async with session.branch() as branch:
            assert (await branch.run("print(len(a))")).stdout == f"{64 << 20}\n"
