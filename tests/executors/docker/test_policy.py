"""The whole policy holds in a container, seen from inside and from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import CodeBlock, CodeResult, DockerCommandLineCodeExecutor
from sandcrew.executors.docker import labels
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy, owner

BASE = tag_of("base")
MIB = 1 << 20


def make(**options: Any) -> DockerCommandLineCodeExecutor:
    return DockerCommandLineCodeExecutor(BASE, **options)


async def run(executor: DockerCommandLineCodeExecutor, code: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, "python")])


def inspected(engine: Any) -> dict[str, Any]:
    mine = {"label": f"{labels.OWNER}={owner.this_process()}"}
    (container,) = engine.containers.list(ignore_removed=True, filters=mine)
    attributes: dict[str, Any] = engine.api.inspect_container(container.id)
    return attributes


async def test_the_engine_is_told_all_of_it(engine: Any) -> None:
    policy = Policy(memory="100MiB", processes=50, cpus=1, disk="8MiB")
    async with make(policy=policy, labels={"team": "blue"}, extra_hosts={"a.test": "10.0.0.1"}):
        found = inspected(engine)
    host = found["HostConfig"]
    assert 100 * MIB <= host["Memory"] == host["MemorySwap"] < 130 * MIB
    assert 50 <= host["PidsLimit"] < 64
    assert host["NanoCpus"] == 10**9
    assert host["ReadonlyRootfs"]
    assert host["Init"]
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] is None
    assert not host["Privileged"]
    assert host["NetworkMode"] == "none"
    assert "no-new-privileges" in host["SecurityOpt"]
    assert any(option.startswith("seccomp={") for option in host["SecurityOpt"])
    assert all(f"size={8 * MIB}" in how for how in host["Tmpfs"].values())
    assert host["ExtraHosts"] == ["a.test:10.0.0.1"]
    assert found["Config"]["Labels"]["team"] == "blue"
    assert not found["Config"]["User"].startswith("0")
    assert [mount["Destination"] for mount in found["Mounts"] if mount["RW"]] == []


async def test_processors_are_limited_by_the_engine() -> None:
    async with make(policy=Policy(cpus=1)) as executor:
        assert (await run(executor, "print(1)")).output == "1\n"


async def test_code_has_no_rights_and_the_walls_are_on() -> None:
    code = """
import os
print(dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines()
           if line.startswith(("CapEff", "CapBnd", "NoNewPrivs", "Seccomp:"))))
print(os.getuid() != 0, os.getgid() != 0, os.getpid() > 1)
for path in ("/usr/new", "/etc/new", "/new", "/run/sandcrew/new", "/run/sandcrew-runs/new"):
    try: open(path, "w"); print("wrote", path)
    except OSError: pass
"""
    async with make() as executor:
        result = await run(executor, code)
    assert result.output == (
        "{'CapEff': '0000000000000000', 'CapBnd': '0000000000000000', 'NoNewPrivs': '1', "
        "'Seccomp': '2'}\nTrue True True\n"
    )


async def test_too_much_memory_is_the_memory_limit_and_the_next_call_works() -> None:
    code = "import subprocess, sys\nx = [bytearray(8 << 20) for _ in range(100)]"
    async with make(policy=Policy(memory="64MiB")) as executor:
        result = await run(executor, code)
        assert result.exit_code != 0
        assert result.limit_hit == "memory"
        assert (await run(executor, "print(1)")).output == "1\n"


async def test_too_much_memory_in_many_processes_is_the_memory_limit() -> None:
    code = """
import os, time
children = []
for _ in range(8):
    if (pid := os.fork()) == 0:
        x = b"x" * (30 << 20)
        time.sleep(2)
        os._exit(0)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
raise SystemExit(3 if any(codes) else 0)
"""
    async with make(policy=Policy(memory="96MiB")) as executor:
        result = await run(executor, code)
    assert (result.exit_code, result.limit_hit) == (3, "memory")


async def test_too_many_processes_are_refused() -> None:
    code = """
import os, time
made = 0
try:
    for _ in range(100):
        if os.fork() == 0: time.sleep(60)
        made += 1
except BlockingIOError:
    print(made)
    raise
"""
    async with make(policy=Policy(processes=20)) as executor:
        result = await run(executor, code)
        assert result.exit_code == 1
        assert int(result.stdout) < 32
        assert result.limit_hit == "processes"
        assert (await run(executor, "print(1)")).output == "1\n"


CALLS = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in (("unshare", (0x10000000,)), ("ptrace", (0, 0, 0, 0)), ("getpid", ())):
    print(name, getattr(libc, name)(*arguments) == -1 and errno.errorcode[ctypes.get_errno()])
"""


async def test_dangerous_system_calls_are_refused_and_told() -> None:
    async with make() as executor:
        result = await run(executor, CALLS)
    assert result.output == "unshare EPERM\nptrace EPERM\ngetpid False\n"
    assert [denial.subject for denial in result.denials] == ["unshare", "ptrace"]


async def test_they_do_not_exist_for_what_the_guest_has_not_confined(engine: Any) -> None:
    """The container's own filter, for whoever has come into it in another way."""
    async with make():
        container = engine.containers.get(inspected(engine)["Id"])
        done = container.exec_run(["python3", "-c", CALLS])
    assert done.output == b"unshare ENOSYS\nptrace ENOSYS\ngetpid False\n"


async def test_the_folder_of_the_caller_is_the_workspace_and_what_is_made_is_the_callers(
    tmp_path: Path,
) -> None:
    (tmp_path / "in.txt").write_text("hello")
    async with make(work_dir=tmp_path) as executor:
        result = await run(executor, "open('out.txt', 'w').write(open('in.txt').read().upper())")
        assert result.exit_code == 0, result.output
        await executor.write_file("sub/more.txt", b"x")
        await run(executor, "import os; os.rename('sub/more.txt', 'moved.txt')")
    assert (tmp_path / "out.txt").read_text() == "HELLO"
    for name in ("out.txt", "moved.txt", "sub"):
        assert (tmp_path / name).stat().st_uid == os.geteuid()
    mounts = Path("/proc/self/mounts").read_text()
    assert f"sandcrew-mount-{owner.this_process()}" not in mounts


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders of others")
async def test_the_folder_of_another_user_stays_that_users(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 4321, 4321)
    async with make(work_dir=folder) as executor:
        assert (await run(executor, "open('out.txt', 'w').write('x')")).exit_code == 0
    assert (folder / "out.txt").stat().st_uid == 4321


async def test_what_is_read_only_can_be_read_only(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    code = f"print(open('{tmp_path}/data.csv').read()); open('{tmp_path}/new', 'w')"
    tmp_path.chmod(0o755)
    async with make(policy=Policy(read_only=[tmp_path])) as executor:
        result = await run(executor, code)
    assert result.stdout == "1,2\n\n"
    assert result.exit_code == 1
    assert not (tmp_path / "new").exists()


async def test_volumes_the_caller_names_are_there_as_named(tmp_path: Path) -> None:
    for name in ("ro", "rw"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    volumes = {
        str(tmp_path / name): {"bind": f"/mnt/{name}", "mode": name} for name in ("ro", "rw")
    }
    code = "import os; print(os.path.ismount('/mnt/ro')); open('/mnt/ro/x', 'w')"
    async with make(extra_volumes=volumes) as executor:
        result = await run(executor, code)
        assert (result.stdout, result.exit_code) == ("True\n", 1)
        written = await run(executor, "open('/mnt/rw/x', 'w').write('y')")
        assert written.exit_code == 0, written.output
    assert (tmp_path / "rw" / "x").read_text() == "y"


async def test_variables_are_the_images_and_the_policys_and_none_of_the_callers(
    monkeypatch: pytest.MonkeyPatch, engine: Any
) -> None:
    monkeypatch.setenv("SANDCREW_TEST_SECRET", "secret")
    async with make(policy=Policy(env={"TOKEN": "given"})) as executor:
        told = str(inspected(engine))
        result = await run(executor, "import os; print(dict(os.environ))")
    assert "given" in result.output
    assert "SANDCREW_TEST_SECRET" not in result.output
    assert "given" not in told  # anybody who may use the engine can look there


async def test_a_run_finds_nothing_that_an_earlier_one_left_in_tmp() -> None:
    leave = "open('/tmp/left', 'w'); open('/dev/shm/left', 'w'); print('left')"
    look = "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))"
    async with make() as executor:
        assert (await run(executor, leave)).output == "left\n"
        assert (await run(executor, look)).output == "[] []\n"


async def test_modules_that_are_named_are_imported_ahead() -> None:
    async with make(policy=Policy(preload=["decimal"])) as executor:
        result = await run(executor, "import sys; print('decimal' in sys.modules)")
    assert result.output == "True\n"


async def test_an_init_command_runs_first_and_under_the_same_policy() -> None:
    async with make(
        init_command="id -u >uid; touch /usr/x 2>/dev/null || echo no >usr"
    ) as executor:
        result = await run(executor, "print(open('uid').read() != '0\\n', open('usr').read())")
    assert result.output == "True no\n\n"


async def test_the_file_of_a_block_is_kept_on_request() -> None:
    async with make(delete_tmp_files=False) as executor:
        await run(executor, "print(1)")
        (file,) = await executor.list_files()
    assert file.path.startswith("tmp_code_")
