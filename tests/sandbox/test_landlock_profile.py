"""The profile ``landlock``: what is its own, and what it does in the place of namespaces."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from sandcrew.sandbox import (
    BackendUnavailable,
    CodeResult,
    OutputEvent,
    Policy,
    PolicyError,
    Sandbox,
)
from sandcrew.sandbox.cgroup import find_cgroups
from sandcrew.sandbox.guest import sweep
from sandcrew.sandbox.private_folders import PrivateFolders, reap

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give guests another id")
needs_no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root gives guests an id of their own")


@pytest.fixture
def policy(landlock_policy: Policy) -> Policy:
    return landlock_policy.replace(timeout=20)


async def run(policy: Policy, code: str, language: str = "python") -> CodeResult:
    async with Sandbox(policy) as box:
        result = await box.run(code, language=language)
    assert not result.timed_out, result.output
    return result


def unconfined(code: str) -> str:
    """The positive control."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout


def private_folders_of(pid: int) -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"sandcrew-private-*-{pid}-*"))


# --- files ---


async def test_the_paths_of_a_program_are_private_folders_of_the_host(policy: Policy) -> None:
    code = """
import os, tempfile
print(os.getcwd(), os.environ["HOME"], tempfile.gettempdir(), __file__, sep="\\n")
for folder in (".", os.environ["HOME"], tempfile.gettempdir()): open(folder + "/a", "w").close()
"""
    async with Sandbox(policy) as box:
        cwd, home, tmp, file = (await box.run(code)).output.split()
        base = Path(cwd).parent
        assert base in private_folders_of(os.getpid())
        other = (await box.run("import tempfile; print(tempfile.gettempdir())")).output.strip()
    assert all(base in Path(path).parents for path in (cwd, home, tmp))
    assert Path(file).parent == Path(tmp)
    assert other != tmp
    assert not base.exists()


async def test_one_run_cannot_read_the_tmp_of_another(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        first = await box.run("import os; open('tmp', 'w').write(os.environ['TMPDIR'])")
        assert first.exit_code == 0
        result = await box.run("import os\nprint(os.listdir(open('tmp').read()))")
    assert "PermissionError" in result.stderr or "FileNotFoundError" in result.stderr


@needs_no_root
@pytest.mark.parametrize("call", ["os.chmod(path, 0)", "os.utime(path, (0, 0))"])
async def test_what_an_owner_may_do_to_files_it_cannot_write_changes_nothing(
    policy: Policy, call: str, tmp_path: Path
) -> None:
    """Landlock does not confine these calls; a copy of a file within the sandbox still works."""
    file = tmp_path / "file"
    code = f"import os\npath = {str(file)!r}\n{call}\nprint('called')"
    file.touch()
    fresh = file.stat()
    assert unconfined(code) == "called\n"
    changed = file.stat()
    assert (fresh.st_mode, fresh.st_mtime) != (changed.st_mode, changed.st_mtime)
    file.chmod(0o600)
    before = file.stat()
    assert (await run(policy, code)).output == "called\n"
    after = file.stat()
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)


async def test_no_folder_of_the_host_can_be_listed_that_is_not_named(policy: Policy) -> None:
    code = """
import os
for folder in ("/", "/etc", "/tmp", "/var", "/var/tmp", "/home", "/proc", "/proc/self", "/run",
               "/sys", "/dev", "/dev/shm", os.path.expanduser("~/..")):
    try: os.listdir(folder); print("REACHED", folder)
    except OSError: pass
"""
    assert unconfined(code).count("REACHED") > 5
    assert (await run(policy, code)).output == ""


async def test_files_can_be_copied_packed_and_unpacked(policy: Policy) -> None:
    code = """
import shutil, tarfile
open("a", "w").write("1")
shutil.copy2("a", "b")
with tarfile.open("t.tar", "w") as tar: tar.add("b")
with tarfile.open("t.tar") as tar: tar.extractall("out")
print(open("out/b").read())
"""
    assert (await run(policy, code)).output == "1\n"


async def test_names_of_files_that_may_not_be_read_cannot_be_watched(
    policy: Policy, tmp_path: Path
) -> None:
    code = f"""
import ctypes
libc = ctypes.CDLL(None)
if libc.inotify_add_watch(libc.inotify_init(), {str(tmp_path)!r}.encode(), 0xFFF) > 0: print("REACHED")
"""  # noqa: E501
    assert "REACHED" in unconfined(code)
    assert "REACHED" not in (await run(policy, code)).output


async def test_named_files_of_the_host_can_be_read_and_not_written(policy: Policy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shown = Path(folder, "shown")
        shown.mkdir()
        (shown / "a.txt").write_text("a")
        code = f"""
import os
print(open({str(shown / "a.txt")!r}).read())
for attempt in (lambda: open({str(shown / "b.txt")!r}, "w"), lambda: os.listdir({folder!r})):
    try: attempt()
    except OSError as error: print(error.strerror)
"""
        result = await run(policy.replace(read_only=[shown]), code)
    assert result.output == "a\nPermission denied\nPermission denied\n"


async def test_a_file_has_a_largest_size(policy: Policy) -> None:
    code = "open('a', 'wb').write(bytes(9 << 20))"
    result = await run(policy.replace(disk="8MiB"), code)
    assert (result.exit_code, result.limit_hit) == (1, "disk")


# --- sockets ---


async def test_no_socket_can_be_made_but_a_pair(policy: Policy) -> None:
    code = """
import asyncio, socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try: socket.socket(family, kind); print("REACHED", family, kind)
        except OSError: pass
try: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); print("REACHED a pair that can send")
except OSError: pass
asyncio.run(asyncio.sleep(0))
print("a pair works")
"""
    assert "REACHED" in unconfined(code)
    assert (await run(policy, code)).output == "a pair works\n"


async def test_no_unix_socket_is_reached_where_the_network_is_the_hosts(policy: Policy) -> None:
    code = "import socket\nsocket.socket(socket.AF_UNIX); print('REACHED')"
    assert "REACHED" in unconfined(code)
    assert "REACHED" not in (await run(policy.replace(network="host"), code)).stdout


# --- other processes ---


async def test_limits_and_priorities_of_other_processes_stay_as_they_are(policy: Policy) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        code = f"""
import os, resource
for attempt in (
    lambda: resource.prlimit({victim.pid}, resource.RLIMIT_CORE, (0, 0)),
    lambda: os.setpriority(os.PRIO_PROCESS, {victim.pid}, 19),
    lambda: os.kill({victim.pid}, 0),
):
    try: attempt(); print("REACHED")
    except OSError: pass
os.nice(1)
print("own")
"""
        try:
            assert unconfined(code).count("REACHED") == 3
            assert (await run(policy, code)).output == "own\n"
        finally:
            victim.kill()


async def test_a_program_that_kills_all_it_can_reach_kills_only_itself(policy: Policy) -> None:
    """There is no positive control: it would be the end of this process."""
    async with Sandbox(policy) as box:
        other = asyncio.create_task(box.run("import time\ntime.sleep(1)\nprint('alive')"))
        code = "import os, signal\nos.kill(-1, signal.SIGKILL)"
        for _ in range(3):
            await box.run(code)
        assert (await other).output == "alive\n"


_OUTRUN = """
import fcntl, os
readable, writable = os.pipe()
if os.fork() == 0:
    os.setsid()
    lock = os.open("alive", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(writable, b".")
    while True:
        if os.fork(): os._exit(0)
os.read(readable, 1)
"""
"""A daemon that is never the same process for long, and holds a lock as long as one is alive."""
_LOOK = "import fcntl; fcntl.flock(open('alive'), fcntl.LOCK_EX | fcntl.LOCK_NB); print('free')"


async def test_a_daemon_that_outruns_its_killer_dies_with_its_run(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        assert (await box.run(_OUTRUN)).exit_code == 0
        assert (await box.run(_LOOK)).output == "free\n"


_DAEMON = """
import fcntl, os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lock = open("alive", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(1, b"running\\n")
    time.sleep(600)
time.sleep(600)
"""


async def test_a_first_process_that_is_killed_takes_its_guest_with_it(policy: Policy) -> None:
    async with Sandbox(policy.replace(timeout=None)) as box:
        last: object = None
        async with aclosing(box.stream(_DAEMON)) as events:
            async for last in events:
                if isinstance(last, OutputEvent):
                    _first_process_of_the_daemon().kill()
        assert isinstance(last, CodeResult)
        assert last.exit_code == 128 + signal.SIGKILL
        assert (await box.run(_LOOK)).output == "free\n"


def _first_process_of_the_daemon() -> psutil.Process:
    (guard,) = psutil.Process().children()
    (zygote,) = guard.children()
    return next(first for first in zygote.children() if len(first.children(recursive=True)) > 1)


_OWNER = textwrap.dedent("""
    import asyncio, sys
    from contextlib import aclosing
    from sandcrew.sandbox import Policy, Sandbox

    async def main():
        policy = Policy(profile="landlock", timeout=None, python=sys.argv[1] or None)
        async with Sandbox(policy) as box, aclosing(box.stream(sys.argv[2])) as events:
            async for event in events:
                print(event.text, end="", flush=True)
    asyncio.run(main())
""")


@pytest.fixture
def killed_owner(policy: Policy) -> tuple[list[psutil.Process], set[Path]]:
    """The processes and folders of an owner that was killed while it ran a daemon."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(policy.python or ""), _DAEMON],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == "running\n"
        processes = psutil.Process(owner.pid).children(recursive=True)
        owner.kill()
        owner.wait()
    return processes, private_folders_of(owner.pid)


def test_no_daemon_outlives_an_owner_that_is_killed(
    killed_owner: tuple[list[psutil.Process], set[Path]],
) -> None:
    processes, _ = killed_owner
    assert len(processes) >= 5  # guard, zygote, first process, program, daemon
    assert psutil.wait_procs(processes, timeout=20)[1] == []


def test_folders_that_a_killed_owner_left_are_removed_at_the_next_start(
    killed_owner: tuple[list[psutil.Process], set[Path]],
) -> None:
    processes, folders = killed_owner
    psutil.wait_procs(processes, timeout=20)
    assert folders
    reap()
    assert not [folder for folder in folders if folder.exists()]


def test_folders_of_the_living_are_left_alone() -> None:
    folders = PrivateFolders.create(None)
    try:
        reap()
        assert folders.workspace.is_dir()
    finally:
        folders.remove()
    assert not folders.base.exists()


def test_what_hostile_code_left_is_removed_whatever_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(kept)
    (folder / os.fsdecode(b"bad\xff")).touch()
    os.mkfifo(folder / "fifo")
    (folder / "closed").mkdir()
    (folder / "closed" / "file").touch()
    (folder / "closed").chmod(0)
    depth = os.open(folder, os.O_RDONLY)
    for _ in range(3000):  # deeper than paths are long, and than Python recurses
        os.mkdir("d", dir_fd=depth)
        deeper = os.open("d", os.O_RDONLY, dir_fd=depth)
        os.close(depth)
        depth = deeper
    os.close(depth)
    assert sweep.empty(str(folder))
    assert list(folder.iterdir()) == []
    assert (kept / "file").exists()


# --- privileges and limits ---


async def test_a_program_has_no_capability(policy: Policy) -> None:
    code = """
import ctypes, os
libc = ctypes.CDLL(None)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert libc.capget(header, data) == 0
print(*data, libc.prctl(39, 0, 0, 0, 0), len(set(os.getresuid())))
"""
    assert (await run(policy, code)).output == "0 0 0 0 0 0 1 1\n"


@needs_root
async def test_guests_of_root_have_an_id_that_owns_nothing(policy: Policy) -> None:
    result = await run(policy, "import os; print(os.getuid() > 60000, os.getgroups())")
    assert result.output == "True []\n"
    assert "unprivileged-uid" in result.isolation


@needs_no_root
async def test_guests_of_a_user_have_the_id_of_the_user_and_the_result_says_so(
    policy: Policy,
) -> None:
    result = await run(policy, "import os; print(os.getuid())")
    assert result.output == f"{os.getuid()}\n"
    assert "unprivileged-uid" not in result.isolation


# --- what is refused ---


async def test_a_list_of_hosts_is_refused_by_its_key(policy: Policy) -> None:
    with pytest.raises(PolicyError, match=r"^network: .*'namespaces'"):
        await Sandbox(policy.replace(network=["example.org"])).start()


@needs_root
async def test_a_workspace_that_guests_of_root_cannot_write_is_refused(
    policy: Policy, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError, match=r"^workdir: .*owner of the folder"):
        await Sandbox(policy.replace(workdir=tmp_path)).start()


@needs_root
async def test_an_interpreter_that_guests_of_root_cannot_reach_is_refused(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    tmp_path.chmod(0o700)
    policy = Policy(profile="landlock", python=tmp_path / "v" / "bin" / "python")
    with pytest.raises(BackendUnavailable, match=r"closed to other users.*chmod o\+rx"):
        await Sandbox(policy).start()


_IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "sh", "-c")


def test_it_works_where_namespaces_are_forbidden(policy: Policy) -> None:
    """The limit of a user namespace of our own makes this host such a one."""
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    code = textwrap.dedent("""
        import asyncio, sys
        from sandcrew.sandbox import BackendUnavailable, Policy, Sandbox
        async def main():
            try: await Sandbox(Policy()).start()
            except BackendUnavailable as error: assert "landlock" in str(error), error
            policy = Policy(profile="landlock", python=sys.argv[1] or None)
            async with Sandbox(policy) as box: print((await box.run("print(6 * 7)")).output)
        asyncio.run(main())
    """)
    done = subprocess.run(
        [*_IN_A_NAMESPACE, script, "sh", sys.executable, "-c", code, str(policy.python or "")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("this host does not let us make a namespace to try it in")
    assert done.stdout == "42\n\n", done.stderr


async def test_the_isolation_of_a_result_names_no_namespace(policy: Policy) -> None:
    isolation = (await run(policy, "")).isolation
    assert "profile-landlock" in isolation
    assert not [name for name in isolation if "namespace" in name]
    assert any(name.startswith("cgroup-") for name in isolation) == (find_cgroups() is not None)
