"""The launcher of this machine: a fork server in namespaces, or behind Landlock without them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import landlock_profile, layers
from .environment import base_environment, has_proxy, search_path
from .errors import BackendError, BackendUnavailable, PolicyError
from .guest.confine import PROXY
from .handshake import Gone, Handshake, Refused
from .identity import choose_identity, identity_without_namespaces
from .interpreter import find_interpreter
from .language import languages
from .named import NamedFiles
from .private_folders import PrivateFolders
from .rootfs import GUEST_UID, root_entries
from .work_folder import WorkFolder
from .workspace import Workspace
from .zygote import Terms, Zygote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .identity import Identity
    from .interpreter import Interpreter
    from .layers import Layers
    from .packages import Lease
    from .policy import Policy
    from .rootfs import Entry
    from .zygote import Branching

GUEST = Path(__file__).parent / "guest"
"""The folder of the program that runs inside: needs Python 3.9 and nothing else."""
START = 60.0
"""Seconds a zygote has to get ready, imports of preloaded modules included."""
_DEATH = 5.0
_HEADROOM = 1 << 30
"""Bytes an interpreter and its libraries map besides what they use."""


async def launch(policy: Policy) -> Zygote:
    """Start a fork server for ``policy`` on this machine.

    It ends, and all guests with it, when its handle is closed or when this process ends, however
    that ends.

    Raises
    ------
    BackendUnavailable
        This host cannot give the policy; nothing was run.
    PolicyError
        The policy names what is not there.
    """
    started = _LocalZygote(policy)
    try:
        return await started.open()
    except BaseException:
        await asyncio.shield(started.end())
        raise


class _LocalZygote:
    """The process of a fork server with all that was made for it: opened once, ended once."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._without_namespaces = policy.profile == "landlock"
        self._identity = (
            identity_without_namespaces() if self._without_namespaces else choose_identity()
        )
        self._private: PrivateFolders | None = None
        self._packages: Lease | None = None
        self._named = NamedFiles(None, ())
        self._pidfd: int | None = None
        self._folder: int | None = None
        self._stderr: int | None = os.memfd_create("zygote-stderr", os.MFD_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None
        self._handshake: Handshake | None = None

    async def open(self) -> Zygote:
        """Start it and wait until it is ready, for a bounded time."""
        policy = self._policy
        interpreter = find_interpreter(policy.python)
        self._named = NamedFiles.open(policy)
        if policy.packages:
            self._packages = await lease(policy.packages, interpreter)
        self._popen(interpreter.executable)
        try:
            async with asyncio.timeout(START):
                return await self._open(interpreter)
        except TimeoutError as error:
            raise BackendError(f"The sandbox was not ready within {START:.0f} s.") from error
        except Refused as refused:
            raise layers.unavailable(policy, refused.number, refused.message) from refused
        except Gone:
            raise self._crash() from None

    async def end(self) -> None:
        """Kill everything, wait until it is gone, and remove what was made for it."""
        if self._pidfd is not None:
            await asyncio.shield(asyncio.to_thread(_kill_and_wait, self._pidfd))
            self._pidfd = None
        elif self._process is not None:
            self._process.kill()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DEATH)
            self._process = None
        if self._handshake is not None:  # it never came to a handle
            self._handshake.channel.close()
            self._handshake = None
        self._replace_folder(None)
        if self._stderr is not None:
            os.close(self._stderr)
            self._stderr = None
        if self._private is not None:
            await asyncio.shield(asyncio.to_thread(self._private.remove))
            self._private = None
        if self._packages is not None:
            self._packages.close()
        self._named.close()

    # --- inside ---

    def _popen(self, executable: Path) -> None:
        ours, theirs = socket.socketpair()
        # Compiled once for all starts, where the caller's own modules are, too: half of a start.
        as_here = ["-B"] if sys.dont_write_bytecode else []
        with theirs:
            self._process = subprocess.Popen(
                [executable, "-I", *as_here, GUEST / "__main__.py", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                cwd="/",
                start_new_session=True,
            )
        self._handshake = Handshake(ours, self._keep)

    async def _open(self, interpreter: Interpreter) -> Zygote:
        policy = self._policy
        handshake = self._handshake
        assert handshake is not None
        checked, programs = await asyncio.to_thread(self._check)
        config = await self._config(checked, interpreter)
        filters = {
            "filters": programs,
            "filters_of_branches": checked.filters_of_branches,
            "filters_of_server": checked.filters_of_server,
        }
        config |= {name: [len(program) for program in some] for name, some in filters.items()}
        owner = os.pidfd_open(os.getpid())
        try:
            body = b"".join(program for some in filters.values() for program in some)
            await handshake.ask("unshared", config, body, [owner])
        finally:
            os.close(owner)
        if not self._without_namespaces:
            self._write_maps(self._identity)
        await handshake.ask("zygote", {"op": "mapped"})
        ready = await handshake.ask("ready")
        if self._named.workdir:  # not by the mount, for files keep the owner they have on this host
            self._replace_folder(self._named.workdir.open_folder())
        missing: dict[str, str] = ready["missing"]
        for name, why in missing.items():
            raise PolicyError(f"preload: {name!r} cannot be imported ({why}).")
        path = search_path(interpreter, self._package_folder)
        terms = Terms(
            isolation=checked.names,
            environment=base_environment(policy, path, self._package_folder),
            languages=languages(),
            owner=self._identity.owner,
            cgroups=checked.cgroups,
            address_space=None if checked.cgroups else int(policy.memory) + _HEADROOM,
            branches=self._branching(checked),
            order=signal.SIGTERM if self._without_namespaces else signal.SIGKILL,
        )
        workspace = self._workspace()
        bound = await WorkFolder.begin(policy, workspace.dir_fd)
        self._handshake = self._folder = None  # the handle's from now on
        return Zygote(handshake.channel, policy, terms, workspace, self.end, bound)

    async def _config(self, checked: Layers, interpreter: Interpreter) -> dict[str, Any]:
        policy, packages = self._policy, self._package_folder
        tools = [file for language in languages().values() for file in language.files]
        tools += [packages] if packages else []
        entries = root_entries(policy, interpreter, tools)
        config: dict[str, Any] = {
            "op": "open",
            "profile": policy.profile,
            "network": "host" if policy.network == "host" else "none",
            "proxy": PROXY if has_proxy(policy) else None,
            "paths": [str(packages)] if packages else [],
            "root": entries,
            "named": self._named.identities,
            "workdir": str(policy.workdir) if policy.workdir else None,
            "writable": None if policy.writable is None else list(policy.writable),
            "idmap": self._identity.owner if policy.workdir else None,
            "uid": GUEST_UID,
            "disk": policy.disk,
            "files": policy.files,
            "shm": min(int(policy.disk), int(policy.memory)),
            "memory": policy.memory,
            "watch_memory": checked.cgroups is None and not self._without_namespaces,
            # The first process of a guest counts too, and all of its branches. Where a cgroup
            # counts, it is enough: it counts each for itself, and can tell.
            "processes": None if checked.cgroups else policy.processes + 1,
            "cpus": policy.cpus,
            "terminals": policy.terminals,
            "landlock": checked.landlock_abi,
            "preload": list(policy.preload),
            "look_for": [],
        }
        if self._without_namespaces:
            needed = (*interpreter.prefixes, *([packages] if packages else []))
            config |= await asyncio.to_thread(self._landlock_config, checked, needed, entries)
        return config

    def _check(self) -> tuple[Layers, tuple[bytes, ...]]:
        if self._without_namespaces:
            return landlock_profile.check(self._policy, self._identity.owner is not None)
        return layers.check(self._policy)

    def _landlock_config(
        self, checked: Layers, needed: Sequence[Path], entries: list[Entry]
    ) -> dict[str, Any]:
        owner = self._identity.owner
        landlock_profile.check_reach(self._policy, owner, needed)
        self._private = PrivateFolders.create(owner)
        return landlock_profile.config(self._policy, checked, owner, self._private, entries)

    @property
    def _package_folder(self) -> Path | None:
        return self._packages.path if self._packages else None

    def _branching(self, checked: Layers) -> Branching | None:
        abi = checked.landlock_abi
        if self._without_namespaces:
            return "landlock" if landlock_profile.scopes_signals(abi) else None
        has_time = Path("/proc/self/ns/time").exists()
        return "namespaces" if abi > 0 and has_time else None

    def _workspace(self) -> Workspace:
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

    def _keep(self, step: str, fd: int) -> None:
        match step:
            case "zygote":
                self._pidfd = fd
            case "ready":
                self._folder = fd
            case _:
                os.close(fd)

    def _replace_folder(self, folder: int | None) -> None:
        if self._folder is not None:
            os.close(self._folder)
        self._folder = folder

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
