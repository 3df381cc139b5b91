"""Part of the program that becomes a Python kernel in a guest; it is sent there as text.

These guests have no terminal, not even one of their own, and IPython runs shell lines (``!ls``) in
one.
Here they run with a pipe instead: what they print is the same, but for programs that ask.
"""

from __future__ import annotations

import codecs
import os
import subprocess


def system(command: str) -> int:
    """Run a shell line and print what it prints as it comes; its exit code."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with _started(command) as process:
        assert process.stdout is not None
        while True:
            data = os.read(process.stdout.fileno(), 1 << 16)
            print(decoder.decode(data, final=not data), end="", flush=True)
            if not data:
                return process.wait()


def getoutput(command: str) -> str:
    """Run a shell line; what it printed."""
    with _started(command) as process:
        return process.communicate()[0].decode("utf-8", "replace")


def _started(command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S602 (a shell line is what it is)
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run_shell_lines_without_terminal() -> None:
    """Put the two above where IPython looks for its own."""
    from importlib import import_module

    for name in ("IPython.utils.process", "IPython.core.interactiveshell", "ipykernel.zmqshell"):
        module = import_module(name)
        for function in (system, getoutput):
            setattr(module, function.__name__, function)
