"""Nothing in /proc tells where on the host the bound work folder lies."""

from __future__ import annotations

from pathlib import Path

from sandcrew.sandbox import Policy, Sandbox

LOOK = """
import ctypes, mmap, os, subprocess
with open("mapped", "wb") as file:
    file.write(b"x" * 4096)
held = open("mapped", "r+b")
mapped = mmap.mmap(held.fileno(), 4096)
os.symlink("mapped", "link")
found = []
for process in ("self", "thread-self", "1", str(subprocess.Popen(["sleep", "9"]).pid)):
    for name in "mountinfo mounts mountstats maps smaps environ cmdline status".split():
        try:
            with open(f"/proc/{process}/{name}") as file:
                found.append(file.read())
        except OSError:
            pass
    for name in ("cwd", "root", "exe", f"fd/{held.fileno()}"):
        try:
            found.append(os.readlink(f"/proc/{process}/{name}"))
        except OSError:
            pass
for name in ("/proc/locks", "/proc/swaps", "/proc/partitions", "/proc/mounts"):
    try:
        with open(name) as file:
            found.append(file.read())
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
request = (ctypes.c_uint64 * 4)(32, 0xFFFFFFFFFFFFFFFF, 0, 0)
listed = libc.syscall(458, ctypes.byref(request), ctypes.byref((ctypes.c_uint64 * 64)()), 64, 0)
print("listed:", listed > 0)
print("lines:", len(open("/proc/self/mountinfo").readlines()))
print("\\n".join(found))
"""


def a_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "where-it-lies-on-the-host"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


async def test_the_list_of_mounts_is_empty_and_no_other_file_names_the_work_folder(
    tmp_path: Path,
) -> None:
    folder = a_folder(tmp_path)
    async with Sandbox(Policy(workdir=folder)) as box:
        result = await box.run(LOOK)
    assert result.output.startswith("listed: False\nlines: 0\n")
    assert "/workspace/mapped" in result.output  # it has looked, and this is its name there
    assert folder.name not in result.output
    assert folder.name not in result.stderr
    assert len(Path("/proc/self/mountinfo").read_text()) > 0


async def test_a_session_has_no_list_of_mounts_either(tmp_path: Path) -> None:
    async with (
        Sandbox(Policy(workdir=a_folder(tmp_path))) as box,
        box.session(language="bash") as session,
    ):
        result = await session.run(
            "wc -l < /proc/self/mountinfo; wc -l < /proc/$PPID/mountinfo; pwd"
        )
    assert result.output == "0\n0\n/workspace\n"


async def test_mounts_are_there_without_a_list_of_them(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    async with Sandbox(Policy(workdir=folder)) as box:
        result = await box.run(
            "import os, shutil\n"
            "open('/tmp/a', 'w').write('1'), open('b', 'w').write('2')\n"
            "print(os.path.ismount('/tmp'), os.path.ismount('/workspace'), os.getcwd())\n"
            "print(shutil.disk_usage('.').total > 0)\n"
            "try:\n open('/usr/x', 'w')\nexcept OSError as error:\n print(error.errno)"
        )
    assert result.output == "True True /workspace\nTrue\n30\n"
    assert (folder / "b").read_text() == "2"
