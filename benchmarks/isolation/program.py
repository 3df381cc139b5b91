"""From an attack to a Python program that any executor can run, whatever its language."""

from __future__ import annotations

import base64
import shlex
import subprocess
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .attack import Attack

PRELUDE = '''\
import ctypes, os, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))  # nothing of us runs on, whoever forgets us
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl(15, BAIT["token"].encode(), 0, 0, 0)  # PR_SET_NAME: how the harness counts us
buffer = ctypes.create_string_buffer(1 << 16)

def reached(*what):
    print("REACHED", *what, flush=True)

def call(number, *arguments):
    """A system call: its result, or minus its errno."""
    values = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    result = libc.syscall(ctypes.c_long(number), *values)
    return result if result >= 0 else -ctypes.get_errno()

def attempt(action, *arguments):
    """What the action gives; nothing if the kernel refuses."""
    try:
        return action(*arguments)
    except (OSError, ValueError, OverflowError):
        return None

def read(path, size=1 << 16):
    def action():
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, size)
        finally:
            os.close(fd)
    return attempt(action) or b""

def show(path):
    print(read(path).decode("latin-1"), flush=True)

def scan_memory(pid):
    """Print every bait in the writable memory of a process."""
    import re
    lines = read(f"/proc/{pid}/maps", 1 << 22).decode().splitlines()
    for line in lines:
        span, mode = line.split()[:2]
        low, high = (int(end, 16) for end in span.split("-"))
        if "w" in mode and "[v" not in line:
            try:
                with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                    memory.seek(low)
                    data = memory.read(min(high - low, 64 << 20)) or b""
            except (OSError, ValueError, OverflowError):
                continue
            for bait in set(re.findall(b"bait-[0-9a-f]{32}", data)):
                print(bait.decode(), flush=True)

'''
"""What every attack in Python can use, besides ``BAIT``: where the harness has planted what."""

APPLICATION = """\
import os, sys, time
from pathlib import Path
kept, folder, marker = Path(BAIT["kept"]), Path(BAIT["folder"]), Path(BAIT["marker"])

def reached(*what):
    print("REACHED", *what, flush=True)

"""
"""What programs of the host can use, besides ``BAIT``."""

_BASH = """\
import os
os.execvp("bash", ["bash", "-c", SCRIPT])
"""

_C = """\
import base64, os, zlib
for folder in (".", "/tmp", "/dev/shm", os.path.expanduser("~")):
    path = os.path.join(folder, "program")
    try:
        with open(path, "wb") as file: file.write(zlib.decompress(base64.b64decode(PROGRAM)))
        os.chmod(path, 0o755)
        os.execv(path, [TOKEN])
    except OSError: pass
"""


def program(attack: Attack, code: str, bait: Mapping[str, object]) -> str:
    """The Python program of ``code``, which is the attack's first or second program.

    Raises
    ------
    CompileError
        There is no C compiler, or it refuses.
    """
    start = start_line(bait)
    if attack.language == "python":
        return f"BAIT = {dict(bait)!r}\n{start}{PRELUDE}{code}"
    if attack.language == "bash":
        values = {key.upper(): str(value).strip("\0") for key, value in bait.items()}
        variables = "".join(f"BAIT_{key}={shlex.quote(text)}\n" for key, text in values.items())
        return f"{start}SCRIPT = {variables + code!r}\n{_BASH}"
    binary = base64.b64encode(zlib.compress(_compiled(code))).decode()
    return f"{start}PROGRAM = {binary!r}\nTOKEN = {bait['token']!r}\n{_C}"


def started(bait: Mapping[str, object]) -> str:
    """The first line that every program prints. Without it, nothing was put to the test."""
    return f"attack {bait['token']} has started"


def start_line(bait: Mapping[str, object]) -> str:
    """The statement that prints :func:`started`."""
    return f"print({started(bait)!r}, flush=True)\n"


def in_two(text: str, bait: Mapping[str, object]) -> list[str]:
    """The program up to its first line of output, and the rest: a kernel that ends at once may take
    with it what it was about to send, but not what an earlier cell has printed."""
    start = start_line(bait)
    before, _, rest = text.partition(start)
    return [before + start, rest]


class CompileError(Exception):
    """The program of an attack could not be made here."""


@cache
def _compiled(code: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "attack.c"), Path(folder, "attack")
        source.write_text(code)
        argv = ["gcc", "-O1", "-w", "-o", str(target), str(source)]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        except OSError as error:
            raise CompileError("there is no gcc here") from error
        if done.returncode:
            raise CompileError(done.stderr.strip()[-200:])
        return target.read_bytes()
