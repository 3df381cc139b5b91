"""The layers of the profile ``landlock``, which uses no namespace at all.

Files, TCP, devices and signals are confined by Landlock (Documentation/userspace-api/landlock.rst
of the kernel), all other sockets and what Landlock does not know of by seccomp. Guests see the
paths of the host; those they may not open answer with EACCES.

Three nested Landlock domains keep the processes of ours apart from the program: the zygote is in
the outermost, the first process of each guest in one of its own, and the program in a third, so
that a signal goes inwards only. That also makes ``kill(-1)`` of the first process exact: it hits
all processes of its guest at once, and no other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import Any, Collection, Iterable, Mapping, MutableMapping, NoReturn, Optional, Sequence

from . import confine, descendants, kernel, landlock, processes, program, routes, sweep
from .bare import signal

Config = dict[str, Any]


_PATIENCE = 2.0
"""Seconds for guests to bury their own, and for a run's /tmp to be removed before closing."""

_told_to_end = False


# --- the guard and the zygote ---


def adopt_orphans() -> None:
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def outlive(zygote: int) -> int:
    """Be the guard: wait for the end of the zygote, bury what it left, return its status."""
    _, status = os.waitpid(zygote, 0)
    _bury_guests(descendants.children())
    return status


def confine_zygote(config: Config, guard: int) -> int:
    """Put the zygote into a domain; returns the workspace as a descriptor.

    It has the id of guests already. It may read /proc, to find orphans.
    """
    adopt_orphans()
    if config["network"] == "container":  # which the engine was to leave without
        routes.require_loopback_only(config["host_network"])
    zygote = os.getpid()

    def end(*_: object) -> None:
        if os.getpid() != zygote:  # a guest that has not yet a disposition of its own
            os._exit(128 + signal.SIGTERM)
        end_guests(descendants.children())

    signal.signal(signal.SIGTERM, end)
    _die_with(guard)
    config["oom_score_adj"] = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    if config["landlock"] is None:  # whoever starts this elsewhere cannot know
        abi = kernel.landlock_abi()
        config["landlock"], config["scoped"] = abi, bool(confine.scopes_of(abi))
    config["readable"] = list(
        landlock.all_but(config["closed"], config["readable"], set(config["named"]))
    )
    _require_named(config["named"])
    places = config["places"]
    os.makedirs(f"{places['base']}/tmp", exist_ok=True)
    writable = [places["base"], places["workspace"], *config["writable"]]
    # What the policy names is looked up by name again for each guest. What else may be there by
    # then is of no use: all domains lie in this one.
    landlock.restrict(config, [*config["readable"], "/proc"], writable, config["named"])
    return os.open(places["workspace"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _require_named(named: Mapping[str, kernel.Identity]) -> None:
    """What the engine has put into a container by name is what the host means by that."""
    for path, identity in named.items():
        info = os.stat(path)
        if (info.st_dev, info.st_ino) != tuple(identity):
            raise OSError(errno.ESTALE, f"{path} is another file than it was")


class Forks:
    """Forks the first process of each guest, and sees to it that none of a guest outlives it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._adjustment: int = config["oom_score_adj"]
        self._own = os.pread(self._adjustment, 16, 0)

    def fork(self) -> int:
        # Guests are the first to go when memory is short. Who is not root can go back to where
        # they were, and not below (proc_pid_oom_score_adj(5)).
        os.write(self._adjustment, b"1000")
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                os.write(self._adjustment, self._own)
        return pid

    def config_of(self, guest: int) -> Config:
        own = _own_folders(self._config, guest)
        return {**self._config, "places": {**self._config["places"], **own}}

    def bury(self, guest: int, status: int, guests: Collection[int]) -> None:
        """A first process that ends by itself has buried its guest; one that was killed has not.

        Its orphans are our children now, beside the first processes of other ``guests``.
        """
        if os.WIFSIGNALED(status):
            descendants.bury(keep=guests)
        for folder in _own_folders(self._config, guest).values():
            with contextlib.suppress(OSError):  # closing the sandbox removes what is in it
                os.rmdir(folder)

    def end(self, guests: Collection[int]) -> NoReturn:
        """Leave nothing alive: what the end of a pid namespace does elsewhere."""
        end_guests(guests)


def end_guests(guests: Collection[int]) -> NoReturn:
    for pid in guests:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _bury_guests(guests)
    os._exit(0)


def _own_folders(config: Config, guest: int) -> dict[str, str]:
    top = f"{config['places']['base']}/tmp/{guest}"
    return {"tmp": top, "branches": f"{top}.branches"}


def _bury_guests(guests: Collection[int]) -> None:
    """Guests that were told to end bury theirs more exactly than we could; then kill the rest."""
    descendants.let_end(guests, _PATIENCE)
    descendants.bury()


def _die_with(parent: int) -> None:
    """Be told (SIGTERM) when the parent dies, also when it has died before this call."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


# --- the first process of a guest ---


def confine_guest(config: Config) -> tuple[Optional[int], int]:
    """Put every layer on this process, the first of a guest.

    Returns the descriptor on which refused system calls arrive, and one of /proc/self/io.

    Raises
    ------
    OSError
        A layer could not be put on; the process must end without running anything.
    """
    zygote = os.getppid()
    written = os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)
    places = config["places"]
    if config["shared"]:  # kept open to the end of this process, for the lock is the guest's
        config["lock"] = os.open(f"{places['base']}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    for name in ("tmp", "branches") if has_branches(config) else ("tmp",):
        os.mkdir(places[name], 0o700)
    _limit(config)
    adopt_orphans()
    _die_with(zygote)
    landlock.restrict(config, config["readable"] + _to_look_around(config), _writable(config))
    if config["scoped"]:
        _make_sure_signals_are_scoped(zygote)
    os.chdir(places["workspace"])
    return confine.filter_calls(config["filters"]), written


def confine_branch(config: Config, outside: int) -> None:
    """Put the fork of an interpreter into a domain, and be the first process there.

    Raises
    ------
    OSError
        It is not confined, or not so that it cannot signal the process ``outside``.
    """
    adopt_orphans()
    landlock.restrict(config, config["readable"], _writable(config))
    _make_sure_signals_are_scoped(outside)


def has_branches(config: Config) -> bool:
    """Whether the program is an interpreter that may be branched, and is no branch itself."""
    return bool(config["session"] and config["scoped"] and "branches" in config["places"])


def _writable(config: Config) -> list[str]:
    names = ["workspace", "home", "tmp"] + (["branches"] if has_branches(config) else [])
    return [config["places"][name] for name in names] + list(config["writable"])


def _to_look_around(config: Config) -> list[str]:
    """For the first process, which looks for orphans there, or at branches; not for others."""
    return ["/proc"] if has_branches(config) or not config["scoped"] else []


def _limit(config: Config) -> None:
    """RLIMIT_NPROC counts all processes of a user, so it comes on top of those there are."""
    most = config["processes"]
    if most is not None:
        most += _tasks_of(os.getuid())
    confine.limit({**config, "processes": most})


def _tasks_of(uid: int) -> int:
    """Processes and threads of a user."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):  # it ended meanwhile, or is no process
            fields = processes.status_of(int(name))
            if int(fields["Uid"].split()[0]) == uid:
                count += int(fields["Threads"])
    return count


def _make_sure_signals_are_scoped(outside: int) -> None:
    """Fail closed: without the scope, kill(-1) would hit every process of the user."""
    try:
        os.kill(outside, 0)
    except PermissionError:
        return
    raise OSError("Landlock does not hold signals back")


def listen_for_the_end() -> None:
    """From now on SIGTERM means: kill everything in this guest, and end."""

    def take_note(*_: object) -> None:
        global _told_to_end
        _told_to_end = True

    signal.signal(signal.SIGTERM, take_note)


def told_to_end() -> bool:
    return _told_to_end


def bury_guest(config: Config) -> None:
    """Kill and reap all of the guest but this process, its first."""
    _bury(config)
    if config["shared"]:  # before the host hears of the end, and lets another program begin
        fcntl.flock(config["lock"], fcntl.LOCK_UN)


def _bury(config: Config) -> None:
    if not config["scoped"]:
        descendants.bury()
        return
    _make_sure_signals_are_scoped(os.getppid())
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


def sweep_tmp(config: Config) -> None:
    """Remove what the run left in its /tmp; what this cannot, closing the sandbox does."""
    sweep.empty(config["places"]["tmp"], _PATIENCE)
    if has_branches(config):
        sweep.empty(config["places"]["branches"], _PATIENCE)


# --- the program ---


def shield(config: Config) -> None:
    """Put the program into a domain of its own, from which nothing of ours can be signalled."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        if not _to_look_around(config):
            # Each domain forbids to move files between folders unless it says otherwise.
            ruleset = kernel.landlock_ruleset(confine.REFER, 0, confine.SCOPE_SIGNALS)
            kernel.landlock_allow(ruleset, "/", confine.REFER)
            landlock.enter(ruleset)
        else:
            landlock.restrict(config, config["readable"], _writable(config))
    except OSError:
        os._exit(126)  # fail closed: nothing ran


def relocate(job: dict[str, Any], config: Config) -> None:
    """Give a program the paths of the host for those that a private root would have."""
    places = config["places"]
    inside = {"/workspace": places["workspace"], "/tmp": places["tmp"]}
    file = job.get("file", "")
    for prefix, outside in inside.items():
        if file.startswith(prefix + "/"):
            job["file"] = outside + file[len(prefix) :]
            job["argv"] = [job["file"] if part == file else part for part in job["argv"]]
    environment = job["env"]
    for name, default, outside in (
        ("HOME", "/home/sandbox", places["home"]),
        ("TMPDIR", "/tmp", places["tmp"]),
    ):
        if environment.get(name) == default:
            environment[name] = outside
    if config["proxy"]:  # its port is any that was free, where all guests share one network
        name_proxy(environment, confine.PROXY, config["door"])
    program.tmp = places["tmp"]
    if config["shared"]:
        _empty_unless_in_use(config["shared"], config["lock"])


def _empty_unless_in_use(folders: Iterable[str], lock: int) -> None:
    """Let no program find what an earlier one left in folders that all have in common.

    Who finds no other at work empties them. The lock is shared while programs run; it belongs to
    what this process shares with the first of its guest (flock(2)), and so ends with that.
    """
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for folder in folders:
            sweep.empty(folder, _PATIENCE)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.close(lock)


def name_proxy(
    environment: MutableMapping[str, str], old: Sequence[Any], new: Sequence[Any]
) -> None:
    """Have the variables that name the proxy at ``old`` name ``new``: host and port."""
    for name, value in list(environment.items()):
        if name.lower().endswith("_proxy"):
            environment[name] = value.replace(_address(old), _address(new))


def _address(place: Sequence[Any]) -> str:
    return f"{place[0]}:{place[1]}"
