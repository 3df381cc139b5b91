"""What starts a kernel in a guest: a program that leaves the connection file and becomes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection
    from .spec import KernelSpec

PRELOAD = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell")
"""What takes most of the time to start a Python kernel; a zygote imports it once."""
CONNECTION_FILE = "/tmp/kernel.json"  # noqa: S108 (the guest's own)

_WRITE = """\
import os, sys
_fd = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.write(_fd, {text!r})
os.close(_fd)
"""
# In this interpreter, which was forked with all of it imported. Modules of the workspace are
# found only by the cells, not by what is still imported to start.
_BECOME_IPYTHON = """\
_workspace = sys.path.pop(0)
run_shell_lines_without_terminal()
from ipykernel.kernelapp import IPKernelApp
_app = IPKernelApp.instance()
_app.initialize(["-f", {path!r}, "--HistoryManager.enabled=False"])
sys.path.insert(0, _workspace)
_app.start()
"""
_EXECUTE = """\
os.execvp({argv!r}[0], {argv!r})
"""


def kernel_program(spec: KernelSpec, connection: Connection) -> str:
    """Python code that becomes the kernel of ``spec``."""
    code = _WRITE.format(path=CONNECTION_FILE, text=connection.file().encode())
    if spec.is_ipykernel:
        shell_lines = Path(__file__).with_name("in_guest.py").read_text("utf-8")
        return shell_lines + code + _BECOME_IPYTHON.format(path=CONNECTION_FILE)
    return code + _EXECUTE.format(argv=spec.command(CONNECTION_FILE))
