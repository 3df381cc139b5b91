"""What an installer may do on the host, whatever an index makes of it."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from sandcrew.sandbox.packages import BuildCommand
from sandcrew.sandbox.packages.runner import run_on_host

ATTEMPTS = """
import os, socket, sys
def attempt(do):
    try: do()
    except OSError as error: return error.strerror
    return "done"
folder, cache, other, neighbour = sys.argv[1:]
write = lambda path: lambda: open(path, "w").close()
lines = open("/proc/self/status").read().splitlines()
status = dict(line.split(":\\t") for line in lines)
print({
    "its folder": attempt(write(folder + "/new")),
    "its cache": attempt(write(cache + "/new")),
    "another folder": attempt(write(other + "/new")),
    "by a link": attempt(write(folder + "/link")),
    "a file": attempt(write(other + "/file")),
    "shortening": attempt(lambda: os.truncate(other + "/file", 0)),
    "moving": attempt(lambda: os.rename(other + "/file", folder + "/file")),
    "naming": attempt(lambda: os.link(other + "/file", folder + "/name")),
    "removing": attempt(lambda: os.unlink(other + "/file")),
    "a sysctl": attempt(write("/proc/sys/kernel/core_uses_pid")),
    "a signal": attempt(lambda: os.kill(int(neighbour), 0)),
    "reading": attempt(lambda: open(other + "/file").close()),
    "listening": attempt(lambda: socket.create_server(("127.0.0.1", 0)).close()),
})
print({name: status[name] for name in ("CapEff", "CapBnd", "NoNewPrivs")})
"""
ALLOWED = {"its folder", "its cache", "reading", "listening"}
_OVER_FILES = 0b1110


@pytest.fixture
def command(tmp_path: Path) -> BuildCommand:
    """An installer that has been taken over; ``other`` is somebody else's."""
    for name in ("folder", "cache", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "file").write_text("kept")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "other" / "linked")
    folders = [str(tmp_path / name) for name in ("folder", "cache", "other")]
    argv = (sys.executable, "-c", ATTEMPTS, *folders, str(os.getpid()))
    return BuildCommand(argv, {}, tmp_path / "folder", print, tmp_path / "cache")


async def test_an_installer_writes_in_its_folder_and_its_cache_only(
    command: BuildCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run_on_host(command) == 0
    tried, status = map(ast.literal_eval, capsys.readouterr().out.splitlines())
    assert {what for what, how in tried.items() if how == "done"} == ALLOWED
    assert (int(status["CapEff"], 16) | int(status["CapBnd"], 16)) & ~_OVER_FILES == 0 or (
        os.geteuid() and int(status["CapEff"], 16) == 0
    )
    assert status["NoNewPrivs"] == "1"
    other = command.folder.parent / "other"
    assert {path.name: path.read_text() for path in other.iterdir()} == {"file": "kept"}
