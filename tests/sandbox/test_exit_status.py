"""The exit status is the program's own, whatever it does to its streams and hooks.

The oracle is the same interpreter, running the same file by itself.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import Policy, Sandbox

from .sessions import a_session

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "says nothing": "",
    "exits": "import sys; sys.exit(7)",
    "says why": "import sys; sys.exit('why')",
    "exits with a list": "raise SystemExit([1])",
    "exits with -1": "import sys; sys.exit(-1)",
    "exits with 256": "import sys; sys.exit(256)",
    "exits with what fits no status": "import sys; sys.exit(1 << 100)",
    "exits with True": "import sys; sys.exit(True)",
    "exits with what has no text": "class A:\n def __str__(self): raise OSError\n"
    "raise SystemExit(A())",
    "closes 1": "import os, sys; os.close(1); sys.exit(7)",
    "closes 1 and 2": "import os, sys; os.close(1); os.close(2); sys.exit(7)",
    "closes all": "import os, sys; os.closerange(0, 999); sys.exit(7)",
    "closes 2 and says why": "import os, sys; os.close(2); sys.exit('why')",
    "closes 2 and fails": "import os; os.close(2); 1 / 0",
    "closes 1 with junk": "import os, sys; sys.stdout.write('junk'); os.close(1); sys.exit(7)",
    "closes 2 with junk": "import os, sys; sys.stderr.write('junk'); os.close(2); sys.exit(7)",
    "closes sys.stdout": "import sys; sys.stdout.close(); sys.exit(7)",
    "closes sys.stderr": "import sys; sys.stderr.close(); sys.exit('why')",
    "closes both": "import sys; sys.stdout.close(); sys.stderr.close()",
    "closes and prints": "import sys; sys.stdout.close(); print(1)",
    "has no stdout": "import sys; sys.stdout = None; print(1); sys.exit(7)",
    "has no stderr": "import sys; sys.stderr = None; sys.exit('why')",
    "deletes streams": "import sys; del sys.stdout, sys.stderr, sys.__stdout__; sys.exit(7)",
    "detaches": "import sys; sys.stdout.detach(); sys.exit(7)",
    "detaches stderr": "import sys; sys.stderr.detach(); sys.exit(7)",
    "tees": "import sys\nclass Tee:\n def write(self, text): pass\n def flush(self): pass\n"
    "sys.stdout = Tee(); print(1); sys.exit(7)",
    "tees by attributes": "import sys\nclass Tee:\n def __init__(self, to): self.to = to\n"
    " def __getattr__(self, name): return getattr(self.to, name)\n"
    "sys.stdout = Tee(sys.stdout); print(1); sys.exit(7)",
    "tees without flush": "import sys\nclass Tee:\n def write(self, text): pass\n"
    "sys.stdout = Tee(); print(1); sys.exit(7)",
    "flush fails": "import sys\nclass Bad:\n def flush(self): raise ValueError\n"
    "sys.stdout = Bad(); sys.exit(7)",
    "flush of stderr fails": "import sys\nclass Bad:\n def flush(self): raise ValueError\n"
    "sys.stderr = Bad(); sys.exit(7)",
    "flush exits": "import sys\nclass Bad:\n def flush(self): sys.exit(3)\nsys.stdout = Bad()",
    "closed fails": "import sys\nclass Bad:\n closed = property(lambda self: 1 / 0)\n"
    " def flush(self): pass\nsys.stdout = Bad(); sys.exit(7)",
    "is a number": "import sys; sys.stdout = 5; sys.exit(7)",
    "is full": "import sys; sys.stdout = open('/dev/full', 'w'); print(1); sys.exit(7)",
    "is replaced by a full one": "import os, sys\n"
    "os.dup2(os.open('/dev/full', os.O_WRONLY), 1); sys.stdout.write('x'); sys.exit(7)",
    "is redirected": "import os, sys\n"
    "os.dup2(os.open('/dev/null', os.O_WRONLY), 1); print(1); sys.exit(7)",
    "is a pipe that nobody reads": "import os, sys; r, w = os.pipe(); os.dup2(w, 1); os.close(r)\n"
    "sys.stdout.write('x'); sys.exit(7)",
    "swaps streams": "import os, sys; os.dup2(1, 9); os.dup2(2, 1); os.dup2(9, 2); sys.exit(7)",
    "leaves at once": "import os, sys; sys.stdout.write('junk'); os._exit(7)",
    "exits in a thread": "import sys, threading\nt = threading.Thread(target=sys.exit, args=(7,))\n"
    "t.start(); t.join()",
    "exits in an exit function": "import atexit, sys; atexit.register(sys.exit, 3); sys.exit(7)",
    "fails in an exit function": "import atexit\natexit.register(lambda: 1 / 0)",
    "closes in an exit function": "import atexit, os, sys; sys.stdout.write('junk')\n"
    "atexit.register(os.close, 1); sys.exit(7)",
    "patches os._exit": "import os, sys; os._exit = lambda code: None; sys.exit(7)",
    "patches the hook": "import sys; sys.excepthook = lambda *a: sys.exit(9); 1 / 0",
    "breaks the hook": "import sys; sys.excepthook = None; 1 / 0",
    "breaks the last hook": "import sys\nsys.unraisablehook = None\nsys.stdout = 5\nsys.exit(7)",
    "has no main module": "import sys; del sys.modules['__main__']; sys.exit(7)",
    "has odd modules": "import sys\nclass Odd:\n def __getattr__(self, name): raise OSError\n"
    "sys.modules['odd'] = Odd(); sys.exit(7)",
    "is nowhere": "import os, sys; os.mkdir('d'); os.chdir('d'); os.rmdir('../d'); sys.exit(7)",
    "dies late": "import sys\nclass Late:\n def __del__(self): sys.exit(3)\n"
    "late = Late(); sys.exit(7)",
    "prints late": "class Late:\n def __del__(self): print('late')\nlate = Late()",
    "is interrupted": "raise KeyboardInterrupt",
    "is interrupted in its way": "class Mine(KeyboardInterrupt): pass\nraise Mine",
    "ignores a pipe signal": "import os, signal, sys; os.kill(os.getpid(), signal.SIGPIPE)\n"
    "sys.exit(7)",
    "dies of a pipe signal": "import os, signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
    "os.kill(os.getpid(), signal.SIGPIPE)",
    "kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "aborts": "import os; os.abort()",
    "exits with a number that lies": "class Mine(int):\n def __and__(self, other): return 0\n"
    " def __le__(self, other): return False\nraise SystemExit(Mine(9))",
    "breaks builtins": "import builtins, sys\n"
    "builtins.getattr = builtins.isinstance = builtins.setattr = None\nsys.exit(7)",
    "breaks builtins and fails": "import builtins\nbuiltins.isinstance = None\n1 / 0",
    "renames exceptions": "import builtins, sys\n"
    "builtins.SystemExit = builtins.BaseException = ValueError\nsys.exit(7)",
    "breaks contextlib": "import contextlib, sys\ncontextlib.suppress = None\nsys.exit(7)",
    "has no os._exit": "import os, sys; del os._exit; sys.exit(7)",
    "clears all modules": "import sys; sys.modules.clear(); raise SystemExit(7)",
    "leaves in an exit function": "import atexit, os, sys; atexit.register(os._exit, 5)\n"
    "sys.exit(7)",
    "has a thread that leaves": "import os, sys, threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(.1), os._exit(9))).start(); sys.exit(7)",
    "has a code that fails": "class Mine(SystemExit):\n code = property(lambda self: 1 / 0)\n"
    "raise Mine(3)",
    "puts sockets everywhere": "import os, socket, sys\none, other = socket.socketpair()\n"
    "for fd in range(3, 64):\n if fd not in (one.fileno(), other.fileno()):\n"
    "  os.dup2(one.fileno(), fd)\nother.send(b'{\"exit_code\": 0}'); sys.exit(7)",
    "meets a limit of file sizes": "import resource\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))\n"
    "file = open('big', 'wb'); file.write(b'x' * 99); file.flush()",
    "recurses": "def f(): f()\nf()",
    "becomes another program": "import os; os.execv('/bin/sh', ['sh', '-c', 'echo b; exit 9'])",
    "kills its group": "import os, signal\n"
    "if os.getpgrp() != os.getpid(): os.setpgid(0, 0)\nos.killpg(0, signal.SIGTERM)",
    "hears a late signal": "import atexit, signal, sys, time\n"
    "signal.signal(signal.SIGALRM, lambda *a: sys.exit(5))\n"
    "signal.setitimer(signal.ITIMER_REAL, .1); atexit.register(time.sleep, .4); sys.exit(7)",
    "terminates itself": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
}  # fmt: skip


def plain(program: str, folder: Path) -> tuple[int, bytes]:
    """What it ends with outside, as shells have it, and what it prints."""
    file = folder / "program.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, "-E", str(file)], capture_output=True, cwd=folder, timeout=60, check=False
    )
    code = done.returncode
    return (code if code >= 0 else 128 - code), done.stdout


@pytest.mark.parametrize("case", CASES)
async def test_the_status_is_that_of_plain_python(
    case: str, policy: Policy, tmp_path: Path
) -> None:
    code, printed = plain(CASES[case], tmp_path)
    async with Sandbox(policy) as box:
        result = await box.run(CASES[case])
    assert result.exit_code == code, result.output
    assert result.stdout.encode() == printed


async def test_what_was_written_before_the_stream_was_replaced_is_there() -> None:
    async with Sandbox(Policy()) as box:
        result = await box.run("import sys; sys.stdout.write('before'); sys.stdout = None")
    assert (result.exit_code, result.stdout) == (0, "before")


async def test_a_line_that_was_printed_is_not_lost_with_the_descriptor() -> None:
    # By itself an interpreter keeps lines for a pipe back, and so fails with 120 here.
    async with Sandbox(Policy()) as box:
        result = await box.run("import os, sys; print('before'); os.close(1); sys.exit(7)")
    assert (result.exit_code, result.stdout) == (7, "before\n")


@pytest.mark.parametrize(
    ("language", "program", "code"),
    [
        ("bash", "exec >&- 2>&-; exit 7", 7),
        ("bash", "exec > /dev/full; echo x; exit 7", 7),
        ("bash", "trap 'exit 9' EXIT; exec 2>&-; exit 7", 9),
        ("bash", "kill -TERM $$", 143),
    ],
)
async def test_the_status_of_shells_is_theirs(language: str, program: str, code: int) -> None:
    async with Sandbox(Policy()) as box:
        assert (await box.run(program, language=language)).exit_code == code


TRICKS = {
    "closes stdout": "import sys; sys.stdout.close()",
    "closes both": "import sys; sys.stdout.close(); sys.stderr.close()",
    "closes 1": "import os; os.close(1)",
    "closes 1 and 2": "import os; os.close(1); os.close(2)",
    "has none": "import sys; sys.stdout = sys.stderr = None",
    "detaches": "import sys; sys.stdout.detach()",
    "deletes": "import sys; del sys.stdout",
    "is a number": "import sys; sys.stdout = 5",
    "flush fails": "import sys\nclass Bad:\n def write(self, text): pass\n"
    " def flush(self): raise ValueError\nsys.stdout = Bad()",
    "flush exits": "import sys\nclass Bad:\n def write(self, text): pass\n"
    " def flush(self): sys.exit(3)\nsys.stdout = Bad()",
    "is full": "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x')",
    "is a broken pipe": "import os; r, w = os.pipe(); os.dup2(w, 1); os.close(r); print('x')",
}  # fmt: skip
CHECK = "import sys; print('seen'); print('told', file=sys.stderr); 6 * 7"


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_cell_that_breaks_its_streams_breaks_no_later_one(
    trick: str, policy: Policy
) -> None:
    async with a_session(policy) as session:
        await session.run("kept = 1")
        await session.run(TRICKS[trick])
        for _ in range(2):
            later = await session.run(CHECK)
            assert (later.exit_code, later.value, later.stderr) == (0, 42, "told\n"), later
            assert later.stdout.endswith("seen\n")  # what it could not print before may come first
        assert (await session.run("kept")).value == 1


async def test_a_stream_that_works_is_kept_from_cell_to_cell() -> None:
    async with a_session(Policy()) as session:
        await session.run("import io, sys; sys.stdout = kept = io.StringIO()")
        assert (await session.run("print('into it')")).stdout == ""
        assert (await session.run("kept.getvalue()")).value == "into it\n"


async def test_streams_of_a_branch_are_mended_too() -> None:
    async with a_session(Policy()) as session:
        await session.run("import os; os.close(1)")
        await session.run("1")
        async with session.branch() as branch:
            await branch.run("os.close(1)")
            assert (await branch.run("print('there')")).stdout == "there\n"
        assert (await session.run("print('here')")).stdout == "here\n"
