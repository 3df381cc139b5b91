"""The host's side of the fork server: starts it, asks it for guests, ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from . import landlock_profile, layers
from .channel import Channel
from .environment import base_environment, has_proxy
from .errors import BackendCrashed, BackendError, BackendUnavailable, PolicyError
from .guests import Guest
from .identity import choose_identity, identity_without_namespaces
from .interpreter import find_interpreter
from .language import languages
from .pool import Pool
from .private_folders import PrivateFolders
from .rootfs import GUEST_UID, root_entries
from .workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cgroup import Cgroups
    from .identity import Identity
    from .interpreter import Interpreter
    from .network import Proxy
    from .packages import Lease
    from .policy import Policy
    from .rootfs import Entry

_GUEST = Path(__file__).parent / "guest" / "__main__.py"
_START = 60.0
"""Seconds a zygote has to get ready, imports of preloaded modules included."""
_DEATH = 5.0
_SLACK = 16
_HEADROOM = 1 << 30
"""Bytes an interpreter and its libraries map besides what they use."""
_STEPS = ("unshared", "zygote", "ready", "failed")


class Zygote:
    """A warm, confined parent process that forks a guest for each run.

    Made by :meth:`launch`. It ends, and all guests with it, when :meth:`close` is called or
    when the process that owns it ends, however that ends.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._without_namespaces = policy.profile == "landlock"
        self._identity = (
            identity_without_namespaces() if self._without_namespaces else choose_identity()
        )
        self._private: PrivateFolders | None = None
        self._guests: dict[int, Guest] = {}
        self._abandoned: list[Guest] = []
        self._packages: Lease | None = None
        self.environment: dict[str, str] = {}
        self._cgroups: Cgroups | None = None
        self._next_id = 0
        self._pidfd: int | None = None
        self._folder: int | None = None
        self._said: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()
        self._stderr: int | None = os.memfd_create("zygote-stderr", os.MFD_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self.isolation: tuple[str, ...] = ()
        self.pool = Pool(self)

    @classmethod
    async def launch(cls, policy: Policy) -> Zygote:
        """Start a zygote for ``policy``.

        Raises
        ------
        BackendUnavailable
            This host cannot give the policy; nothing was run.
        PolicyError
            The policy names what is not there.
        """
        zygote = cls(policy)
        try:
            await zygote._start()
        except BaseException:
            await asyncio.shield(zygote.close())
            raise
        return zygote

    def new_proxy(self) -> Proxy:
        """The way out for one guest: to the hosts of the policy, within its budgets."""
        from .network import AllowList, Proxy, ProxyLimits  # much to import for most policies

        policy = self._policy
        limits = ProxyLimits(sent=cast("Any", policy.upload), received=cast("Any", policy.download))
        return Proxy(AllowList.parse(policy.network), limits=limits)

    @property
    def alive(self) -> bool:
        return self._channel is not None

    @property
    def address_space(self) -> int | None:
        """Bytes a process may map, where no cgroup counts what it really uses."""
        return None if self._cgroups else int(self._policy.memory) + _HEADROOM

    @property
    def owner(self) -> int | None:
        """The id guests have outside, if it is another than the caller's."""
        return self._identity.owner

    @property
    def workspace(self) -> Workspace:
        """The guests' workspace, seen from here."""
        assert self._folder is not None
        owner = self._identity.owner
        if owner is None:
            return Workspace(self._folder)
        if self._policy.workdir is None or self._without_namespaces:
            return Workspace(self._folder, (owner, owner))
        # A folder of the caller's is mounted for guests under their own id. On this side its
        # files belong to whom the folder belongs.
        info = os.fstat(self._folder)
        return Workspace(self._folder, (info.st_uid, info.st_gid))

    def attach(self) -> None:
        """Work on the running event loop from now on; guests of another one are given up."""
        if self._channel is None or self._channel.loop is asyncio.get_running_loop():
            return
        self._abandon_guests("The sandbox is used on another event loop now.")
        self.pool.close()
        self.pool = Pool(self)
        self._channel.attach()

    async def fork(self) -> Guest:
        """Fork a guest; it is on its way to be confined when this returns.

        Raises
        ------
        BackendCrashed
            The zygote has gone.
        """
        if self._channel is None:
            raise BackendCrashed("The sandbox has ended.")
        try:
            cgroup = self._cgroups.create(self._policy) if self._cgroups else None
        except OSError as error:
            raise BackendError(f"No cgroup can be made for a guest: {error}.") from error
        ours, theirs = socket.socketpair()
        with theirs:
            self._next_id += 1
            order = signal.SIGTERM if self._without_namespaces else signal.SIGKILL
            guest = self._guests[self._next_id] = Guest(ours, cgroup, order)
            try:
                header = {"op": "guest", "id": self._next_id}
                await self._channel.send(header, fds=[theirs.fileno()])
            except OSError as error:
                raise BackendCrashed("The sandbox ended unexpectedly.") from error
        return guest

    async def close(self) -> None:
        """Kill everything and wait, for a bounded time, until it is gone."""
        self.pool.close()
        if self._pidfd is not None:
            await asyncio.shield(asyncio.to_thread(_kill_and_wait, self._pidfd))
            self._pidfd = None
        elif self._process is not None:
            self._process.kill()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DEATH)
            self._process = None
        if self._channel is not None:
            self._channel.close()
        self._lose("The sandbox was closed.")
        for guest in self._abandoned:
            guest.remove_cgroup()
        self._abandoned.clear()
        self._replace_folder(None)
        if self._stderr is not None:
            os.close(self._stderr)
            self._stderr = None
        if self._private is not None:
            await asyncio.shield(asyncio.to_thread(self._private.remove))
            self._private = None
        if self._packages is not None:
            self._packages.close()

    # --- starting ---

    async def _start(self) -> None:
        policy = self._policy
        interpreter = find_interpreter(policy.python)
        if policy.packages:
            self._packages = await lease(policy.packages, interpreter)
        packages = self._packages.path if self._packages else None
        self.environment = base_environment(policy, interpreter, packages)
        self._popen(interpreter.executable)
        try:
            async with asyncio.timeout(_START):
                await self._open(interpreter, packages)
        except TimeoutError as error:
            raise BackendError(f"The sandbox was not ready within {_START:.0f} s.") from error

    async def _open(self, interpreter: Interpreter, packages: Path | None) -> None:
        policy = self._policy
        checked, programs = await asyncio.to_thread(self._check)
        self._cgroups = checked.cgroups
        self.isolation = checked.names
        tools = [file for language in languages().values() for file in language.files]
        tools += [packages] if packages else []
        entries = root_entries(policy, interpreter, tools)
        config: dict[str, Any] = {
            "op": "open",
            "profile": policy.profile,
            "network": "host" if policy.network == "host" else "none",
            "proxy": has_proxy(policy),
            "paths": [str(packages)] if packages else [],
            "root": entries,
            "workdir": str(policy.workdir) if policy.workdir else None,
            "idmap": self._identity.owner if policy.workdir else None,
            "uid": GUEST_UID,
            "disk": policy.disk,
            "shm": min(int(policy.disk), int(policy.memory)),
            "memory": policy.memory,
            "watch_memory": checked.cgroups is None and not self._without_namespaces,
            # The first process of a guest counts too. Where a cgroup counts, it is to be the one
            # that refuses, for it can tell.
            "processes": policy.processes + (_SLACK if checked.cgroups else 1),
            "cpus": policy.cpus,
            "landlock": checked.landlock_abi,
            "filters": [len(program) for program in programs],
            "preload": list(policy.preload),
        }
        if self._without_namespaces:
            needed = (*interpreter.prefixes, *([packages] if packages else []))
            config |= await asyncio.to_thread(self._landlock_config, checked, needed, entries)
        owner = os.pidfd_open(os.getpid())
        try:
            await self._ask("unshared", config, b"".join(programs), [owner])
        finally:
            os.close(owner)
        if not self._without_namespaces:
            self._write_maps(self._identity)
        await self._ask("zygote", {"op": "mapped"})
        ready = await self._ask("ready")
        if policy.workdir:  # its own path, where files keep the owner they have on this host
            self._replace_folder(os.open(policy.workdir, os.O_RDONLY | os.O_DIRECTORY))
        missing: dict[str, str] = ready["missing"]
        for name, why in missing.items():
            raise PolicyError(f"preload: {name!r} cannot be imported ({why}).")

    def _check(self) -> tuple[layers.Layers, tuple[bytes, ...]]:
        if self._without_namespaces:
            return landlock_profile.check(self._policy, self._identity.owner is not None)
        return layers.check(self._policy)

    def _landlock_config(
        self, checked: layers.Layers, needed: Sequence[Path], entries: list[Entry]
    ) -> dict[str, Any]:
        owner = self._identity.owner
        landlock_profile.check_reach(self._policy, owner, needed)
        self._private = PrivateFolders.create(owner)
        return landlock_profile.config(self._policy, checked, owner, self._private, entries)

    def _replace_folder(self, folder: int | None) -> None:
        if self._folder is not None:
            os.close(self._folder)
        self._folder = folder

    def _popen(self, executable: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [executable, "-I", "-B", _GUEST, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                cwd="/",
                start_new_session=True,
            )
        self._channel = Channel(ours, self._on_frame, self._on_close)
        self._channel.attach()

    async def _ask(
        self,
        answer: str,
        header: dict[str, Any] | None = None,
        body: bytes = b"",
        fds: Sequence[int] = (),
    ) -> dict[str, Any]:
        """Send a frame and wait until ``answer`` has been said.

        The zygote and its guard speak at the same time, so answers may come early.
        """
        if header is not None and self._channel is not None:
            with contextlib.suppress(OSError):  # then the channel closes, which is an answer too
                await self._channel.send(header, body, fds)
        while answer not in self._said:
            if "failed" in self._said:
                failed = self._said["failed"]
                raise layers.unavailable(self._policy, int(failed["errno"]), str(failed["message"]))
            if self._channel is None:
                raise self._crash()
            self._news.clear()
            await self._news.wait()
        return self._said[answer]

    def _write_maps(self, identity: Identity) -> None:
        assert self._process is not None
        folder = Path(f"/proc/{self._process.pid}")
        try:
            if not identity.may_setgroups:
                (folder / "setgroups").write_text("deny")
            (folder / "uid_map").write_text(identity.uid_map)
            (folder / "gid_map").write_text(identity.gid_map)
        except OSError as error:
            raise layers.unavailable(self._policy, error.errno or 0, f"uid_map: {error}") from error

    def _crash(self) -> BackendUnavailable:
        assert self._stderr is not None
        os.lseek(self._stderr, 0, os.SEEK_SET)
        text = os.read(self._stderr, 1 << 16).decode("utf-8", "replace").strip()
        return BackendUnavailable(
            "the sandbox",
            why=f"its first process ended ({text.splitlines()[-1] if text else 'without a word'})",
            remedy="Run 'sandcrew doctor' to see what this host offers.",
        )

    # --- what the zygote says ---

    def _on_frame(self, header: dict[str, Any], fds: list[int]) -> None:
        match header.get("op"), fds:
            case "started", [pidfd] if header.get("id") in self._guests:
                self._guests[header["id"]].on_started(pidfd)
            case "exited", [] if header.get("id") in self._guests:
                self._guests.pop(header["id"]).on_exited(header)
            case "zygote", [pidfd] if self._pidfd is None:
                self._pidfd = pidfd
                self._answer(header)
            case "ready", [folder] if self._folder is None:
                self._folder = folder
                self._answer(header)
            case _, []:
                self._answer(header)
            case _:
                for fd in fds:
                    os.close(fd)

    def _answer(self, header: dict[str, Any]) -> None:
        if header.get("op") in _STEPS:
            self._said[header["op"]] = header
        self._news.set()

    def _on_close(self) -> None:
        self._lose("The sandbox ended unexpectedly; the next call starts a new one.")

    def _lose(self, why: str) -> None:
        self._channel = None
        self._news.set()
        self._abandon_guests(why)

    def _abandon_guests(self, why: str) -> None:
        guests, self._guests = self._guests, {}
        for guest in guests.values():
            guest.kill()
            guest.on_lost(why)
        self._abandoned += guests.values()


async def lease(packages: Sequence[str], interpreter: Interpreter) -> Lease:
    """The folder with ``packages``, built if nobody has asked for this set before."""
    from .packages import lease_packages  # much to import for what few policies name

    return await lease_packages(packages, interpreter)


def _kill_and_wait(pidfd: int) -> None:
    """Kill the first process of a pid namespace; when it is gone, so are all others."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll(_DEATH * 1000)
    os.close(pidfd)
