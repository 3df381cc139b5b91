"""A folder of the host that is the workspace has limits, whatever fills it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, Sandbox
from sandcrew.sandbox.folder_watch import MOST_LEVELS, count

DISK, FILES = 32 << 20, 2_000


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that guests of both profiles can write, removed however deep it is."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "work"
        path.mkdir()
        path.chmod(0o777)
        path.parent.chmod(0o711)
        yield path
        subprocess.run(["chmod", "-R", "u+rwx", str(path)], check=True)
        subprocess.run(["rm", "-rf", str(path)], check=True)


def limited(policy: Policy, folder: Path) -> Policy:
    return policy.replace(workdir=folder, disk=DISK, files=FILES, timeout=50)


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("disk", "for i in range(99): open(str(i), 'wb').write(b'x' * (8 << 20))"),
        ("disk", "import os\nfor i in range(99):\n"
         " os.posix_fallocate(os.open(str(i), 66), 0, 8 << 20)"),
        ("disk", "import os\nos.mkdir('a')\nfor i in range(99):\n"
         " open(f'a/{i}', 'wb').write(b'x' * (8 << 20))\n os.chmod('a', 0o300)"),
        ("files", "for i in range(200_000): open(str(i), 'w').close()"),
        ("files", "import os\nfor i in range(200_000): os.mkdir(str(i))"),
        ("files", "import os\nopen('a', 'w').close()\n"
         "for i in range(60_000): os.link('a', str(i))"),
        ("files", "import os\nfor i in range(200_000): os.symlink('nowhere', str(i))"),
        ("files", "import os\nfor i in range(3_000): os.mkdir('d'), os.chdir('d')"),
        ("files", "import os\nfor i in range(150): os.mkdir('d'), os.chdir('d')"),
    ],
)  # fmt: skip
async def test_who_fills_the_work_folder_is_killed_by_a_limit(
    folder: Path, policy: Policy, limit: str, code: str
) -> None:
    async with Sandbox(limited(policy, folder)) as box:
        result = await box.run(code)
    assert (result.exit_code, result.limit_hit) == (137, limit)


HELD = {
    "unlinked": "f = open('t', 'wb'); f.write(DATA); kept.append(f); os.unlink('t')",
    "never named": "fd = os.open('.', os.O_TMPFILE | os.O_RDWR); os.write(fd, DATA)",
    "mapped": "fd = os.open('t', 66); os.write(fd, DATA); kept.append(mmap.mmap(fd, 4096))\n"
    " os.close(fd); os.unlink('t')",
    "under way": "fd = os.open('t', 66); os.write(fd, DATA); socket.send_fds(a, [b'x'], [fd])\n"
    " os.close(fd); os.unlink('t')",
}


@pytest.mark.parametrize("how", HELD)
async def test_files_without_a_name_are_counted_as_long_as_they_are_held(
    folder: Path, how: str
) -> None:
    code = (
        "import mmap, os, socket, time\na, b = socket.socketpair()\nkept = []\n"
        f"DATA = b'x' * (8 << 20)\nfor i in range(40):\n {HELD[how]}\ntime.sleep(30)"
    )
    async with Sandbox(limited(Policy(), folder)) as box:
        result = await box.run(code)
        assert (result.exit_code, result.limit_hit) == (137, "disk"), result.output


async def test_temporary_files_that_are_given_back_do_no_harm(folder: Path) -> None:
    code = (
        "import tempfile\nfor i in range(50):\n"
        " with tempfile.TemporaryFile(dir='.') as file: file.write(b'x' * (4 << 20))"
    )
    async with Sandbox(limited(Policy(), folder)) as box:
        assert (await box.run(code)).exit_code == 0


async def test_what_was_there_before_does_not_count(folder: Path, policy: Policy) -> None:
    (folder / "large").write_bytes(b"x" * (DISK + (1 << 20)))
    (folder / "many").mkdir()
    for number in range(FILES + 1):
        (folder / "many" / str(number)).touch()
    async with Sandbox(limited(policy, folder)) as box:
        result = await box.run("open('new', 'w').write('x')")
        assert (result.exit_code, result.limit_hit) == (0, None)


async def test_many_processes_together_do_not_get_further_than_one(
    folder: Path, policy: Policy
) -> None:
    code = (
        "import os\n"
        "for child in range(8):\n"
        " if os.fork() == 0:\n"
        "  for i in range(99): open(f'{child}-{i}', 'wb').write(b'x' * (4 << 20))\n"
        "while True: pass"
    )
    async with Sandbox(limited(policy, folder)) as box:
        result = await box.run(code)
    assert result.limit_hit == "disk"
    used = sum(path.stat().st_blocks * 512 for path in folder.iterdir())
    assert used < DISK + (400 << 20)


async def test_a_session_that_fills_the_work_folder_is_ended(folder: Path, policy: Policy) -> None:
    async with Sandbox(limited(policy, folder)) as box, box.session() as session:
        result = await session.run(
            "for i in range(99): open(str(i), 'wb').write(b'x' * (8 << 20))\nimport time\n"
            "time.sleep(30)"
        )
        assert (result.limit_hit, result.state_lost) == ("disk", True)


async def test_room_that_is_made_can_be_used_again(folder: Path, policy: Policy) -> None:
    code = "for i in range(20):\n open('a', 'wb').write(b'x' * (8 << 20))"
    async with Sandbox(limited(policy, folder)) as box:
        for _ in range(3):
            assert (await box.run(code)).exit_code == 0


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.mkfifo('special')",
        "import os, stat\nos.mknod('special', stat.S_IFIFO | 0o666)",
        "import socket\nsocket.socket(socket.AF_UNIX).bind('special')",
        "import os\nos.mkfifo('/tmp/special')\nos.rename('/tmp/special', 'special')",
        "import os\nos.mkdir('a'), os.mkfifo('a/special')",
    ],
)
async def test_a_program_leaves_no_pipe_or_socket_in_the_work_folder(
    folder: Path, policy: Policy, code: str
) -> None:
    async with Sandbox(limited(policy, folder)) as box:
        result = await box.run(code)
        assert result.exit_code != 0
        assert "special" not in {path.name for path in folder.rglob("*")}
        assert (await box.run("open('file', 'w').write('x')")).exit_code == 0


async def test_programs_have_pipes_in_their_tmp_all_the_same(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder)) as box:
        code = (
            "import os, socket\nos.mkfifo('/tmp/a')\nsocket.socket(socket.AF_UNIX).bind('/tmp/b')"
        )
        assert (await box.run(code)).exit_code == 0


async def test_a_private_workspace_has_as_many_files_as_the_policy_says() -> None:
    code = "import os\nfor i in range({}): open(str(i), 'w').close()"
    async with Sandbox(Policy(files=FILES)) as box:
        assert (await box.run(code.format(FILES))).exit_code == 0
        result = await box.run(f"open('{FILES}', 'w').close()")
        assert (result.exit_code, result.limit_hit) == (1, "disk")


def test_a_count_is_exact_and_ends_where_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/file").write_bytes(b"x" * 8192)
    os.link(tmp_path / "a/file", tmp_path / "a/b/name")
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "link").symlink_to("/")
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = count(fd, 100)
        assert (found.entries, found.complete, found.too_deep, found.closed) == (6, True, False, 0)
        assert 8192 <= found.size <= 8192 + 3 * 4096
        assert not count(fd, 5).complete
        deep = tmp_path.joinpath(*["d"] * (MOST_LEVELS + 1))
        deep.mkdir(parents=True)
        assert count(fd, 1000).too_deep
    finally:
        os.close(fd)
