"""What starts a kernel in a guest: a program that leaves the connection file and becomes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .connection import Connection

if TYPE_CHECKING:
    from .spec import KernelSpec

PRELOAD = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell")
"""What takes most of the time to start a Python kernel; a zygote imports it once."""

_CONNECTION_FILE = "kernel.json"
_TMP = "{TMPDIR}"
"""Stands for the guest's private folder, whose name is only known inside."""

# Modules of the workspace are found only by the cells, not by what is imported to start.
_WRITE = """\
import os, sys
_tmp = os.environ["TMPDIR"]
_file = _tmp + "/{file}"
_fd = os.open(_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(_fd, {text!r}.replace({tmp!r}, _tmp).encode())
os.close(_fd)
"""
# In this interpreter, which was forked with all of it imported.
_BECOME_IPYTHON = """\
_workspace = sys.path.pop(0)
run_shell_lines_without_terminal()
from ipykernel.kernelapp import IPKernelApp
_app = IPKernelApp.instance()
_app.initialize(["-f", _file, "--HistoryManager.enabled=False"])
sys.path.insert(0, _workspace)
_app.start()
"""
_EXECUTE = """\
_argv = [part.replace({tmp!r}, _tmp) for part in {argv!r}]
os.execvp(_argv[0], _argv)
"""


def kernel_program(spec: KernelSpec, key: str) -> str:
    """Python code that becomes the kernel of ``spec``; its sockets are ``k-1`` … in its TMPDIR."""
    connection = Connection.new(f"{_TMP}/k", key)
    code = _WRITE.format(file=_CONNECTION_FILE, text=connection.file(), tmp=_TMP)
    if spec.is_ipykernel:
        shell_lines = Path(__file__).with_name("in_guest.py").read_text("utf-8")
        return shell_lines + code + _BECOME_IPYTHON
    argv = spec.command(f"{_TMP}/{_CONNECTION_FILE}")
    return code + _EXECUTE.format(argv=argv, tmp=_TMP)
