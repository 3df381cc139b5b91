"""The namespaces of a branch, and its first process.

A fork of a live interpreter can enter other namespaces only if they belong to a user namespace
below its own, and if their pid namespace is below its own (setns(2)). So they are made by a fork of
the zygote, which first joins those of the parent:

    zygote ── joins the parent's pid namespace and the one of the user that owns it, forks
                └─ joins the parent's user namespace, makes new ones of each kind below, forks
                     └─ the first process: mounts, copies files, drops all, waits for the fork

The zygote has no capability. In the user namespaces of guests, which are below its own, it has all
as their owner (user_namespaces(7)).

The fork has every capability in the new user namespace until it gives them up, which is before any
code of the user's runs in an honest one. A hostile one gains little: the filter of system calls
stays on, and the namespaces are its own. The way in is guarded by the parent's first process, see
:mod:`.passage`. This one looks at the fork before the host has any use for it, and does not admit
one that kept something.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Callable, NoReturn, Sequence

from . import admission, confine, copying, handles, init, kernel, processes, root
from .bare import socket
from .channel import Channel
from .supervisor import Supervisor
from .watch import watch_of

if TYPE_CHECKING:
    Config = dict[str, Any]
    Started = Callable[[int], None]

_TOO_DEEP = (
    "the kernel gives no more namespaces: branches of branches can be some 30 deep, and the "
    "sysctls user.max_*_namespaces limit how many there are in all"
)


def main(config: Config, fds: Sequence[int], started: Started) -> NoReturn:
    """Make the namespaces of a branch, and its first process in them.

    ``fds`` are the guest's socket, and the user and pid namespace of its parent. ``started`` is
    told a pidfd of the first process.
    """
    sock, user, pid = fds
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    owner = kernel.owner_of(pid)
    kernel.setns(owner, kernel.CLONE_NEWUSER)
    kernel.setns(pid, kernel.CLONE_NEWPID)
    if os.fork():
        os._exit(0)
    if not os.path.sameopenfile(owner, user):  # of a parent that is a branch it is the same
        kernel.setns(user, kernel.CLONE_NEWUSER)
    try:
        _own_user_namespace(config["uid"], proc)
        confine.own_namespaces(config, kernel.CLONE_NEWPID | kernel.CLONE_NEWTIME)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(error.errno, _TOO_DEEP) from error
        raise
    first = os.fork()
    if first:
        started(os.pidfd_open(first))
        os._exit(0)
    _be_first(config, sock)


def _own_user_namespace(uid: int, proc: int) -> None:
    kernel.unshare(kernel.CLONE_NEWUSER)
    confine.write_maps(uid, os.open("self", os.O_PATH | os.O_DIRECTORY, dir_fd=proc))


def _be_first(config: Config, sock: int) -> NoReturn:
    """Be the first process of the branch: confined like others, but for what is inherited."""
    channel = Channel(socket.socket(fileno=init.forget_the_zygote(sock)))
    try:
        confine.own_mounts(config, root.WORKSPACE, root.HOME)
        confine.drop_capabilities()
        confine.limit(config)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        written = init.own_io()  # before nobody may look into this process
        own = handles.namespaces(host_network=config["network"] == "host")
        init.say_confined(channel, config, ("workspace", *own))
        _move_in(channel)
        worker = _admit(channel)
    except BaseException as error:  # fail closed
        init.refuse(channel, error)
    memory = watch_of(config) if config["watch_memory"] else None
    supervisor = Supervisor(channel, None, memory, hears=True)
    supervisor.wait_for(worker, os.pidfd_open(worker))
    init.end(supervisor, channel, None, written)  # its parent's first process reaps it
    os._exit(0)


def _move_in(channel: Channel) -> None:
    """Wait until there is a parent to take over from, and copy its files."""
    header = _hear(channel)
    for folder, target in zip(channel.take_fds(header), handles.FOLDERS.values()):
        copying.copy_tree(folder, target)
        os.close(folder)
    channel.send({"op": "furnished"})


def _hear(channel: Channel) -> dict[str, Any]:
    frame = channel.receive()
    if frame is None:
        os._exit(0)
    return frame[0]


# --- admitting the fork ---


def _admit(channel: Channel) -> int:
    """Wait until the fork has come and the host asks to look at it; its process.

    Raises
    ------
    OSError
        It is not as it should be.
    """
    own = {(device, inode) for device, inode in _hear(channel)["files"]}
    pid = _the_one()
    with admission.standing_still(pid):
        _the_one()
        admission.check_status(pid)
        _check_namespaces(pid)
        admission.check_cgroup(pid, shared=True)
        admission.check_files(pid, own, lambda path: False)
        admission.check_memory(pid)
    channel.send({"op": "admitted"}, [os.pidfd_open(pid)])
    return pid


def _the_one() -> int:
    found = processes.others()
    if len(found) != 1:
        raise OSError(f"{len(found)} processes came instead of one")
    return found[0]


def _check_namespaces(pid: int) -> None:
    """It has entered all of them: else it could talk to its parent over a network of both."""
    for name in (*handles.namespaces(host_network=False), "pid_for_children"):
        if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"):
            raise OSError(f"it is in another namespace than the branch ({name})")
