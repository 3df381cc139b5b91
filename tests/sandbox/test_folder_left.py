"""What code leaves in a work folder of the caller's besides files: removed, or told of."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandcrew.cli.backend import Options
from sandcrew.cli.execution import execute
from sandcrew.executors import CodeBlock, JupyterCodeExecutor
from sandcrew.sandbox import CodeResult, Policy, Sandbox, UsageError
from sandcrew.sandbox.folder_sweep import MOST_TOLD, FolderSweep
from sandcrew.sandbox.folder_watch import MOST_LEVELS


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that guests of both profiles can write, beside one that is none of theirs."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "work"
        path.mkdir()
        path.chmod(0o777)
        path.parent.chmod(0o711)
        (path.parent / "secret").write_text("untouched")
        yield path
        assert (path.parent / "secret").read_text() == "untouched"
        for closed in path.glob("closed*"):
            closed.chmod(0o700)


def told(result: CodeResult, kind: str) -> dict[str, str]:
    return {denial.subject: denial.reason for denial in result.denials if denial.kind == kind}


def special(folder: Path) -> list[str]:
    modes = {str(path.relative_to(folder)): path.lstat().st_mode for path in folder.rglob("*")}
    ordinary = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    return [path for path, mode in modes.items() if stat.S_IFMT(mode) not in ordinary]


LEADING_OUT = {
    "absolute": "/etc/passwd",
    "above": "../secret",
    "by-the-way": "d/../../secret",
    "some-day": "later/../../secret",
    "as-the-guest-has-it": "/workspace/d",
    "by-another": "above",
    "d/above": "../../secret",
    "d/d/over-a-link": "top/../secret",
}
STAYING = {
    "file": "d/file",
    "d/up": "../d/file",
    "dangling": "d/nowhere",
    "loop": "loop",
    "d/d/top": "../../",
    "d/d/up-and-dangling": "../../nowhere",
}


async def test_links_that_lead_out_are_told_of_and_stay(folder: Path, policy: Policy) -> None:
    code = (
        "import os\nos.makedirs('d/d')\nopen('d/file', 'w').close()\n"
        f"for name, target in {STAYING | LEADING_OUT!r}.items(): os.symlink(target, name)"
    )
    async with Sandbox(policy.replace(workdir=folder)) as box:
        result = await box.run(code)
        assert result.exit_code == 0, result.output
        found = told(result, "link")
        assert found.keys() == LEADING_OUT.keys()
        assert all(LEADING_OUT[name] in reason for name, reason in found.items())
        assert "left in the work folder: " in result.receipt()
        assert "refused" not in result.receipt()
        assert (folder / "above").is_symlink(), "environments have honest ones"
        assert told(await box.run("print(1)"), "link") == {}, "each is told once"
        again = "import os\nos.unlink('above')\nos.symlink('../other', 'above')"
        assert told(await box.run(again), "link").keys() == {"above"}


async def test_links_of_the_callers_are_not_told_of(folder: Path) -> None:
    (folder / "mine").symlink_to("/etc")
    async with Sandbox(Policy(workdir=folder)) as box:
        assert (await box.run("open('file', 'w').close()")).denials == ()


async def test_no_device_is_left_by_a_rename(folder: Path, policy: Policy) -> None:
    code = (
        "import ctypes\nopen('a', 'w').close()\nlibc = ctypes.CDLL(None)\n"
        "print(libc.renameat2(-100, b'a', -100, b'b', 0))\n"
        "libc.renameat2(-100, b'b', -100, b'c', 4)"  # RENAME_WHITEOUT
    )
    async with Sandbox(policy.replace(workdir=folder)) as box:
        assert (await box.run(code)).output == "0\n", "others can be renamed"
        assert special(folder) == []


SPECIAL = """
import os, socket
os.makedirs("d/d", exist_ok=True)
os.mkfifo("d/d/pipe")
with socket.socket(socket.AF_UNIX) as sock: sock.bind("socket")
"""


async def test_pipes_and_sockets_of_a_cell_are_removed_and_told_of(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder)) as box, box.session() as session:
        for _ in range(2):  # a number of a file that is used again is no old file
            result = await session.run(SPECIAL)
            assert told(result, "special file").keys() == {"d/d/pipe", "socket"}, result.output
            assert special(folder) == []


@pytest.mark.parametrize("ends", ["session", "sandbox", "restart"])
async def test_nothing_special_is_left_when_a_session_ends(
    folder: Path, ends: str, caplog: pytest.LogCaptureFixture
) -> None:
    box = Sandbox(Policy(workdir=folder))
    session = box.session()
    result = await session.run(
        "import threading, time\ndef later():\n time.sleep(0.2)\n"
        + "".join(f" {line}\n" for line in SPECIAL.splitlines())
        + " os.symlink('/etc', 'link')\n open('/workspace/made', 'w').close()\n"
        "threading.Thread(target=later).start()"
    )
    assert result.exit_code == 0
    while not (folder / "made").exists():
        await asyncio.sleep(0.05)
    assert special(folder), "they were there"
    with caplog.at_level(logging.WARNING):
        await {"session": session.close, "sandbox": box.close, "restart": session.restart}[ends]()
    assert special(folder) == []
    assert "link, link (leads out of the work folder, to /etc)" in caplog.text
    await box.close()


async def test_a_branch_leaves_nothing_in_the_work_folder(folder: Path) -> None:
    async with (
        Sandbox(Policy(workdir=folder)) as box,
        box.session() as session,
        session.branch() as branch,
    ):
        result = await branch.run("import os\nos.mkfifo('pipe')\nos.symlink('/etc', 'link')")
        assert (result.exit_code, result.denials) == (0, ())
        assert list(folder.iterdir()) == []


async def test_what_cannot_be_looked_into_is_told_of(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root looks into all folders")
    code = "import os\nos.mkdir('closed')\nos.symlink('/etc', 'closed/a')\nos.chmod('closed', 0)"
    async with Sandbox(Policy(workdir=folder)) as box:
        assert told(await box.run(code), "unseen folder").keys() == {"closed"}


async def test_a_flood_of_links_is_told_of_in_short(folder: Path) -> None:
    code = f"import os\nfor i in range({MOST_TOLD + 20}): os.symlink('/' + 'x' * 4000, str(i))"
    async with Sandbox(Policy(workdir=folder)) as box:
        result = await box.run(code)
    found = told(result, "link")
    assert len(found) == MOST_TOLD + 1
    assert "20 more" in found
    assert all(len(reason) < 300 for reason in found.values())


async def test_names_that_are_no_text_and_control_characters_are_told_of_safely(
    folder: Path,
) -> None:
    code = "import os\nfor name in (b'\\xff', b'\\x1b[2J\\n'): os.symlink(b'/\\xfe', name)"
    async with Sandbox(Policy(workdir=folder)) as box:
        result = await box.run(code)
    assert len(told(result, "link")) == 2
    assert result.receipt().isprintable()
    result.receipt().encode()


def test_a_sweep_is_bounded_in_depth_and_entries(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    deep = tmp_path.joinpath(*["d"] * (MOST_LEVELS + 2))
    deep.mkdir(parents=True)
    (deep / "link").symlink_to("/")
    sweep = FolderSweep(fd, -199_990)  # ten entries
    many = FolderSweep(fd, 0)
    try:
        (denial,) = asyncio.run(many.look(devices_only=False))
        assert (denial.kind, denial.reason) == ("unseen folder", "it is too deep to be looked into")
        (denial,) = asyncio.run(sweep.look(devices_only=False))
        assert denial.reason == "only 10 entries were looked at"
    finally:
        sweep.close()
        many.close()
        os.close(fd)


async def test_pipes_of_others_are_left_alone_by_programs(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder)) as box:
        os.mkfifo(folder / "of-a-server-of-yours")
        assert (await box.run("print(1)")).denials == ()
        assert special(folder) == ["of-a-server-of-yours"]


async def test_nothing_of_ours_follows_a_link_of_the_guests(folder: Path, policy: Policy) -> None:
    code = (
        "import os\nos.symlink('../secret', 'file')\nos.symlink('..', 'above')\n"
        "os.symlink('/etc', 'etc')"
    )
    async with Sandbox(policy.replace(workdir=folder)) as box:
        result = await box.run(code)
        assert result.exit_code == 0, result.output
        assert result.artifacts == ()
        assert await box.list_files() == []
        for path in ("file", "above/secret", "etc/passwd"):
            with pytest.raises(UsageError):
                await box.read_file(path)
            with pytest.raises(UsageError):
                await box.open_file(path)
            with pytest.raises(UsageError):
                await box.write_file(path, "changed")
        await box.write_file("plain", "content")
        assert await box.read_file("plain") == b"content"


async def test_a_cell_of_a_kernel_tells_of_its_links(folder: Path) -> None:
    async with JupyterCodeExecutor(policy=Policy(workdir=folder)) as executor:
        block = CodeBlock(code="import os; os.symlink('/etc', 'link')", language="python")
        result = await executor.execute_code_blocks([block], None)
    assert told(result, "link").keys() == {"link"}


def test_exec_tells_a_person_of_links(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = folder.parent / "program.py"
    program.write_text("import os; os.symlink('/etc', 'link')")
    options = Options(workdir=folder)
    assert execute(str(program), options) == 0
    assert "left in the work folder: link link (leads out" in capfd.readouterr().err
