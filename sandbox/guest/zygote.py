"""The fork server: a warm process that forks confined guests and never runs untrusted code.

What it imports is the interpreter's own, and no package of the policy (:mod:`.preload`). Before
that it gives up its id, its capabilities and the calls that neither it nor its guests need: guests
get what it takes to confine them from user namespaces of their own.

It is the first process of its own pid namespace, so that the kernel kills every guest with it,
and it ends when the host closes the socket, so that nothing outlives its owner.

Frames from the host: ``open`` (once), ``mapped`` (once), then ``guest`` with a socket for each, or
``branch`` with what it is to be a branch of.
Frames to the host: ``unshared``, ``zygote``, ``ready`` or ``failed``, then ``started`` and
``exited`` for each guest. What a guest does goes over its own socket, past this process.
"""

from __future__ import annotations

import gc
import os
import select
import sys
from typing import Any, Callable, NoReturn, Sequence

from . import (
    branch,
    confine,
    idmap,
    init,
    interpreter,
    kernel,
    landlocked,
    namespaces,
    preload,
    program,
    root,
    supervisor,
    worker,
)
from .bare import signal, socket
from .channel import Channel

Config = dict[str, Any]


def main(fd: int) -> NoReturn:
    """Serve the host on the socket ``fd`` until it closes."""
    _forget_the_caller()
    channel = Channel(socket.socket(fileno=fd))
    guard = os.getpid()
    frame = channel.receive()
    if frame is None:
        os._exit(0)
    config, body = frame
    (config["owner"],) = channel.take_fds(config)
    _split(config, body)
    without_namespaces = config["profile"] == "landlock"
    workspace = None
    try:
        if without_namespaces:
            landlocked.adopt_orphans()
            confine.become_unprivileged(config["uid"])
        else:
            workspace = _workspace_mount(config)
            _unshare(config)
    except OSError as error:
        _refuse(channel, error)
    channel.send({"op": "unshared"})
    if channel.receive() is None:  # the host writes the id maps now
        os._exit(0)
    try:
        pid = os.fork()
    except OSError as error:
        _refuse(channel, error)
    if pid:
        confine.become_unprivileged(config["uid"])
        _guard(channel, pid, landlocked.outlive if without_namespaces else _wait_for)
    try:
        if without_namespaces:
            folder = landlocked.confine_zygote(config, guard)
        else:
            folder = _enter_root(config, workspace)
            confine.become_unprivileged(config["uid"])
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # which a change of id undoes
        for program in config["filters_of_server"]:
            kernel.seccomp_install(program)
    except OSError as error:
        _refuse(channel, error)
    _serve(channel, config, folder)


def _forget_the_caller() -> None:
    """Undo what a process inherits besides its environment and descriptors."""
    os.umask(0o022)
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:  # some give it to container engines
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _split(config: Config, body: bytes) -> None:
    """Put programs for seccomp where ``config`` has the number of bytes of each."""
    start = 0
    for name in ("filters", "filters_of_branches", "filters_of_server"):
        programs: list[bytes] = []
        for size in config[name]:
            programs.append(body[start : start + size])
            start += size
        config[name] = programs


def _refuse(channel: Channel, error: OSError) -> NoReturn:
    channel.send({"op": "failed", "errno": error.errno, "message": str(error.args[-1])})
    os._exit(1)


def _guard(channel: Channel, pid: int, wait_for: Callable[[int], int]) -> NoReturn:
    """The parent of the zygote, outside of its namespace: hands over a pidfd, then reaps it."""
    channel.send({"op": "zygote"}, [os.pidfd_open(pid)])
    channel.sock.close()
    os._exit(supervisor.exit_code(wait_for(pid)))


def _wait_for(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def _unshare(config: Config) -> None:
    flags = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    if config["network"] == "none":
        flags |= kernel.CLONE_NEWNET
    kernel.unshare(flags)


def _workspace_mount(config: Config) -> int | None:
    """The caller's folder as a detached mount, where guests are not the caller."""
    if config["idmap"] is None:
        return None
    return idmap.clone(config["workdir"], config["named"][config["workdir"]], config["idmap"])


def _enter_root(config: Config, workspace: int | None) -> int:
    """Make the small root this process's own; returns the workspace as a descriptor."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if workspace is None and config["workdir"]:
        workspace = kernel.open_tree(config["workdir"], config["named"][config["workdir"]])
        kernel.mount_setattr(workspace, kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV)
    root.build(config, workspace)
    config["under_tmp"] = root.entries_under_tmp(config)
    return os.open(root.WORKSPACE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _serve(channel: Channel, config: Config, folder: int) -> NoReturn:
    missing = preload.preload(config)
    if missing:
        channel.send(_ready(config, missing), [folder])
        os._exit(1)
    if config["profile"] != "landlock" and not preload.is_alone():
        _go_on_alone(channel, config, folder)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or each guest would flush it again
    program.remember_modules()
    interpreter.prepare_streams()
    _rehearse()
    gc.collect()
    gc.freeze()  # objects from before a fork are never looked at again, so their pages stay shared
    channel.send(_ready(config, {}), [folder])
    os.close(folder)
    Zygote(channel, config).serve()


def _ready(config: Config, missing: dict[str, str]) -> dict[str, Any]:
    """All that the host takes for this word, whether or not guests can be had."""
    return {
        "op": "ready",
        "missing": missing,
        "landlock": config["landlock"],
        "programs": {name: _which(name) for name in config["look_for"]},
    }


def _go_on_alone(channel: Channel, config: Config, folder: int) -> None:
    """Go on in a fork, for only a process of one thread can fork guests into namespaces.

    This one, the first of its namespace, waits, for its end is the end of all.
    """
    pid = os.fork()
    if pid:
        channel.sock.close()
        os.close(config["owner"])
        os.close(folder)
        os._exit(supervisor.exit_code(_wait_for(pid)))
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def _rehearse() -> None:
    """What the interpreter notes for itself when it first runs code is for all guests as well."""
    worker.rehearse()
    written = init.own_io()
    init.rehearse(written)
    os.close(written)


def _which(name: str) -> str | None:
    """Where a program is that the host cannot look for; shutil would be much to load."""
    for folder in os.get_exec_path():
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


class Zygote:
    """Forks a guest for each ``guest`` frame, and says when it has gone."""

    def __init__(self, channel: Channel, config: Config) -> None:
        self._channel = channel
        self._config = {**config, "session": True}
        self._owner: int = config["owner"]
        without_namespaces = config["profile"] == "landlock"
        self._forks = (landlocked if without_namespaces else namespaces).Forks(config)
        self._guests: dict[int, int] = {}

    def serve(self) -> NoReturn:
        child_r, child_w = os.pipe()
        for fd in (child_r, child_w):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(child_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, supervisor.wake)
        poll = select.poll()
        poll.register(self._channel.sock, select.POLLIN)
        poll.register(child_r, select.POLLIN)
        # The socket alone does not tell: a fork of the owner may hold a copy of its other end.
        poll.register(self._owner, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._owner:
                    self._forks.end(self._guests)
                elif fd == child_r:
                    os.read(child_r, 4096)
                    self._reap()
                elif not self._channel.fill(socket.MSG_DONTWAIT):
                    self._forks.end(self._guests)
            while True:
                frame = self._channel.pending()
                if frame is None:
                    break
                if frame[0]["op"] == "branch":
                    self._branch(frame[0])
                else:
                    self._fork(frame[0])

    def _fork(self, header: dict[str, Any]) -> None:
        sock, *doors = fds = self._channel.take_fds(header)
        try:
            pid = self._forks.fork()
        except OSError as error:
            self._say("exited", header["id"], error=str(error), exit_code=1)
        else:
            if pid == 0:
                try:
                    confine.join_cgroups(doors)
                    config = self._forks.config_of(header["id"])
                    init.main({**config, "session": header["session"]}, sock)
                except OSError as error:
                    self._say("exited", header["id"], error=str(error), exit_code=1)
                finally:
                    os._exit(1)  # whatever happens, a guest never goes on as the zygote
            self._guests[pid] = header["id"]
            pidfd = os.pidfd_open(pid)
            self._say("started", header["id"], [pidfd])
            os.close(pidfd)
        finally:
            for fd in fds:
                os.close(fd)

    def _branch(self, header: dict[str, Any]) -> None:
        """Start what makes the namespaces of a branch; it is heard of no more from here."""
        sock, *others = fds = self._channel.take_fds(header)
        guest, doors = header["id"], header["doors"]
        try:
            if os.fork() == 0:
                try:
                    confine.join_cgroups(others[:doors])
                    branch.main(
                        self._config,
                        [sock, *others[doors:]],
                        lambda pidfd: self._say("started", guest, [pidfd]),
                    )
                except OSError as error:
                    self._say("exited", guest, error=str(error), exit_code=1)
                finally:
                    os._exit(1)
        except OSError as error:
            self._say("exited", guest, error=str(error), exit_code=1)
        finally:
            for fd in fds:
                os.close(fd)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            guest = self._guests.pop(pid, None)
            if guest is None:  # an orphan that has come to us
                continue
            self._forks.bury(guest, status, self._guests)
            self._say(
                "exited",
                guest,
                exit_code=supervisor.exit_code(status),
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                peak_memory=usage.ru_maxrss * 1024,
            )

    def _say(self, what: str, guest: int, fds: Sequence[int] = (), **more: Any) -> None:
        self._channel.send({"op": what, "id": guest, **more}, fds)
