"""The process of a guest that runs what nobody trusts: it waits for its one job, and becomes it."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Any, NoReturn

from . import program, session, shell
from .bare import socket
from .channel import Channel

if TYPE_CHECKING:
    from .protocol import Frame
    from .walls import Walls


def main(channel: Channel, frame: Frame | None, walls: Walls) -> NoReturn:
    """Do the job in ``frame``, or wait for one; the guest's own socket is gone before.

    ``walls`` may change the job. With it come the descriptors that are to be 1 and 2, and for a
    session a third, the socket over which its cells come.
    """
    if frame is None:
        rehearse()
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
    walls.relocate(job)
    _set_up(job)
    if job["kind"] == "session":
        cells = Channel(socket.socket(fileno=fds[2]))
        if job["argv"]:
            shell.serve(job, cells)
        session.serve(cells, walls)
    program.run(job, code)


def rehearse() -> None:
    """Hear of a job and do it but for its end, while nobody waits.

    What this process shares with the one that forked it is copied when it is first written, which
    is done now and not when the program is there.
    """
    ours, theirs = map(Channel, socket.socketpair())
    with open(os.devnull, "rb", buffering=0) as null:
        theirs.send({"job": {"address_space": None, "env": {}}}, [null.fileno()])
    frame = ours.receive()
    assert frame is not None
    for fd in ours.take_fds(frame[0]):
        os.close(fd)
    ours.sock.close()
    theirs.sock.close()
    _set_up({**frame[0]["job"], "env": dict(os.environ)})
    program.rehearse()


def _set_up(job: dict[str, Any]) -> None:
    if job["address_space"]:
        limit = job["address_space"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.environ.clear()
    os.environ.update(job["env"])
