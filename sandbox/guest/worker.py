"""The process of a guest that runs what nobody trusts: it waits for its one job, and becomes it."""

from __future__ import annotations

import os
import resource
import socket
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from . import program, session, shell
from .channel import Channel

if TYPE_CHECKING:
    from .protocol import Frame

    Prepare = Callable[[dict[str, Any]], None]


def main(channel: Channel, frame: Frame | None, prepare: Prepare | None = None) -> NoReturn:
    """Do the job in ``frame``, or wait for one; the guest's own socket is gone before.

    ``prepare`` may change the job. With it come the descriptors that are to be 1 and 2, and for a
    session a third, the socket over which its cells come.
    """
    if frame is None:
        program.rehearse()
    frame = frame or channel.receive()
    if frame is None:
        os._exit(0)
    header, code = frame
    fds = channel.take_fds(header)
    for target, fd in enumerate(fds[:2], start=1):
        os.dup2(fd, target)
        os.close(fd)
    channel.sock.close()
    job = header["job"]
    if prepare is not None:
        prepare(job)
    _set_up(job)
    if job["kind"] == "session":
        serve = shell.serve if job["argv"] else session.serve
        serve(job, Channel(socket.socket(fileno=fds[2])))
    program.run(job, code)


def _set_up(job: dict[str, Any]) -> None:
    if job["address_space"]:
        limit = job["address_space"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.environ.clear()
    os.environ.update(job["env"])
