"""What a person sees: the command line on a terminal, a real one."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

from .command import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def seen(
    folder: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The exit code, and all that a terminal was sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment({"TERM": "xterm-256color", "COLUMNS": "100", **(env or {})}),
    ) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        text = _read_all(ours)
        code = process.wait(30)
    os.close(ours)
    return code, text.replace("\r\n", "\n")


def _read_all(terminal: int) -> str:
    data = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            data += piece
    except OSError:
        pass  # EIO: nobody has the other end any more (pty(7))
    return data.decode()


def test_the_demo_is_in_colours_and_complete(tmp_path: Path) -> None:
    code, text = seen(tmp_path, "demo")
    assert code == 0, text
    assert "\x1b[" in text
    assert "sandcrew-demo/files/co2.png" in text


def test_no_color_is_respected(tmp_path: Path) -> None:
    code, text = seen(tmp_path, "doctor", env={"NO_COLOR": "1"})
    assert code == 0
    assert "\x1b[3" not in text


def test_a_program_cannot_drive_the_terminal(tmp_path: Path) -> None:
    program = r"print('\x1b]0;title\x07\x1b[2Jend\r\tof line')"
    code, text = seen(tmp_path, "exec", "-", stdin=program)
    assert code == 0
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "end\r\tof line" in text


def test_a_note_has_a_line_and_a_mark_of_its_own(tmp_path: Path) -> None:
    program = (
        "import time; print('sandcrew: all is well\\n\\x1b[7msandcrew:\\x1b[0m and good'); "
        "print('half\\rsandcrew: a line', end='', flush=True); time.sleep(60)"
    )
    code, text = seen(tmp_path, "exec", "-", "--timeout", "1", stdin=program)
    assert code == 124
    assert text.count("\x1b[7msandcrew:\x1b[0m ") == 1
    assert "\n\x1b[7msandcrew:\x1b[0m stopped at the time limit" in text
