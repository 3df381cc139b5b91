"""The launcher of containers: starts the guest in one, and connects to it."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sandbox import seccomp
from ...sandbox.environment import base_environment, has_proxy
from ...sandbox.errors import BackendError, BackendUnavailable, PolicyError, UsageError
from ...sandbox.handshake import Gone, Handshake, Refused
from ...sandbox.landlock_profile import scopes_signals, system_figures
from ...sandbox.language import languages_by
from ...sandbox.launcher import START
from ...sandbox.named import NamedFiles
from ...sandbox.sandbox import Sandbox
from ...sandbox.work_folder import WorkFolder
from ...sandbox.workspace import Workspace
from ...sandbox.zygote import Terms, Zygote
from .accounts import container_cgroups
from .bound import BoundFolder
from .container import Container
from .engine import Engine
from .identity import container_user
from .images import default_image, ensure_image, environment_of
from .limits import require_limits
from .mailbox import Mailbox
from .no_guest import NoGuest, why_it_ended
from .options import WORKSPACE, check_policy
from .reaper import reap
from .settings import HOME, RUNS, SHARED, guest_command, isolation, settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from ...sandbox.named import Identity
    from ...sandbox.policy import Policy
    from ...sandbox.zygote import Branching
    from .options import ContainerOptions
    from .progress import OnProgress

_POLL = 0.3
"""Seconds between two looks at a container that has not called yet."""

_ANY_PORT = ("127.0.0.1", 0)
"""Where guests listen for the proxy: they share the loopback of their container."""
_TAIL = 8
"""Lines of output shown for a command that failed."""
_OF_IMAGE = "It needs an image with Python 3.9 or later."
_OF_ENGINE = "Look at the settings of the engine and of its runtime."
_PROGRAMS = ("bash", "sh", "node", "pwsh")


class ContainerLauncher:
    """Starts a container with a guest for each call; to be a sandbox's ``launch``."""

    def __init__(
        self,
        options: ContainerOptions,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._options = options
        self._on_progress = on_progress

    async def __call__(self, policy: Policy) -> Zygote:
        """Start a container for ``policy``.

        It ends when its handle is closed or when this process ends, however that ends.

        Raises
        ------
        BackendUnavailable
            There is no engine, no image, or the guest cannot run in it.
        PolicyError
            A container cannot give the policy.
        """
        check_policy(policy)
        engine = await Engine.connect()
        if not engine.is_here:
            engine.close()
            raise NoGuest(
                "the guest",
                why=f"the engine at {engine.address} may be on another machine, to which no "
                "descriptors can be passed",
                remedy="Its blocks run by the engine's exec.",
            )
        started = _ContainerZygote(engine, policy, self._options)
        end = started.end
        try:
            await reap(engine)
            options = self._options
            name = options.image or await default_image(engine)
            image = await ensure_image(engine, name, options.platform, self._on_progress)
            zygote = await started.open(name, image)
            end = zygote.close
            if options.init_command:
                await _initialise(zygote, policy, options.init_command)
        except BaseException:
            await asyncio.shield(end())
            raise
        return zygote


class _ContainerZygote:
    """A fork server in a container with all that was made for it: opened once, ended once."""

    def __init__(self, engine: Engine, policy: Policy, options: ContainerOptions) -> None:
        self._engine = engine
        self._policy = policy
        self._options = options
        self._user = container_user(engine)
        self._named = NamedFiles(None, ())
        self._bound: BoundFolder | None = None
        self._mailbox: Mailbox | None = None
        self._container: Container | None = None
        self._handshake: Handshake | None = None
        self._folder: int | None = None
        self._pid = 0

    async def open(self, name: str, image: Mapping[str, Any]) -> Zygote:
        """Start it and wait until it is ready, for a bounded time."""
        options = replace(self._options, image=name)
        self._image = name
        self._named = NamedFiles.open(self._policy)
        self._mailbox = Mailbox.create(self._user.outside)
        folder = await self._workspace_source()
        command = guest_command(options)
        mailbox = self._mailbox.folder
        self._body = settings(self._policy, options, self._user.inside, command, mailbox, folder)
        self._container = await Container.create(
            self._engine, options.new_name(), self._body, options.platform
        )
        await self._container.start()
        try:
            async with asyncio.timeout(START):
                sock, self._pid = await self._accept(self._mailbox, self._container)
                if self._bound is not None:
                    self._bound.remove()  # the container has it now
                self._handshake = Handshake(sock, self._keep)
                limited = require_limits(self._pid, self._body, self._policy)
                return await self._open(self._handshake, image, limited=limited)
        except TimeoutError as error:
            raise BackendError(f"The container was not ready within {START:.0f} s.") from error
        except Refused as refused:
            raise self._crash(refused.message, _OF_ENGINE) from refused
        except Gone:
            raise self._crash("its first process ended", _OF_IMAGE) from None

    async def end(self) -> None:
        """Kill everything, and remove what was made for it."""
        if self._handshake is not None:  # it never came to a handle
            self._handshake.channel.close()
            self._handshake = None
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None
        container, self._container = self._container, None
        try:
            if container is not None:
                await container.end(remove=self._options.auto_remove)
        finally:
            mailbox, self._mailbox = self._mailbox, None
            if mailbox is not None:
                mailbox.remove()
            bound, self._bound = self._bound, None
            if bound is not None:
                bound.remove()
            self._named.close()
            self._engine.close()

    # --- inside ---

    @property
    def _is_mine(self) -> bool:
        """Whether what is in it belongs to the user of this process."""
        return self._user.outside[0] == os.geteuid()

    async def _workspace_source(self) -> str | None:
        """The folder the engine is to mount as the workspace, in its words; none: a private one."""
        if self._options.bind_dir is not None:
            return self._options.bind_dir
        workdir = self._policy.workdir
        if workdir is None:
            return None
        assert self._named.workdir is not None
        self._bound = await BoundFolder.create(self._named.workdir, self._user.outside[0])
        return str(self._bound.source)

    async def _accept(self, mailbox: Mailbox, container: Container) -> tuple[socket.socket, int]:
        """The connection from inside, unless the container ends first."""
        calling = asyncio.ensure_future(mailbox.accept(self._user.outside[0]))
        try:
            while not calling.done():
                await asyncio.wait([calling], timeout=_POLL)
                if not calling.done() and not await container.is_running():
                    raise await self._why_it_ended()
            return calling.result()
        finally:
            calling.cancel()

    async def _open(
        self, handshake: Handshake, image: Mapping[str, Any], *, limited: bool
    ) -> Zygote:
        policy = self._policy
        filters = _filters(policy)
        programs, of_branches = filters["filters"], filters["filters_of_branches"]
        config = self._config()
        config |= {name: [len(program) for program in some] for name, some in filters.items()}
        body = b"".join(program for some in filters.values() for program in some)
        owner = os.pidfd_open(os.getpid())
        try:
            await handshake.ask("unshared", config, body, [owner])
        finally:
            os.close(owner)
        await handshake.ask("zygote", {"op": "mapped"})
        ready = await handshake.ask("ready")
        for name, why in dict(ready["missing"]).items():
            raise PolicyError(f"preload: {name!r} cannot be imported ({why}).")
        assert self._folder is not None
        image_environment = environment_of(image)
        terms = Terms(
            isolation=isolation(
                policy,
                self._options,
                _of_guest(ready, programs),
                rootless=self._engine.rootless,
                limited=limited,
            ),
            environment={
                **image_environment,
                **base_environment(policy, image_environment.get("PATH", os.defpath)),
            },
            languages=languages_by(_paths(ready["programs"])),
            owner=None if self._is_mine else self._user.outside[0],
            cgroups=container_cgroups(self._pid) if limited else None,
            branches=_branching(ready, of_branches),
            order=signal.SIGTERM,
        )
        workspace = self._workspace(self._folder)
        self._folder = workspace.dir_fd
        bound = await WorkFolder.begin(policy, workspace.dir_fd) if self._bound else None
        self._handshake = self._folder = None  # the handle's from now on
        return Zygote(handshake.channel, policy, terms, workspace, self.end, bound)

    def _workspace(self, folder: int) -> Workspace:
        """The guests' workspace, seen from here."""
        if self._bound is None:
            return Workspace(folder, None if self._is_mine else self._user.outside)
        if not self._bound.is_at(folder):
            raise BackendUnavailable(
                f"the workspace {self._bound.named.path}",
                why="the engine sees another folder under that name",
                remedy="Name it as the engine does with bind_dir.",
            )
        # Not by the mount, for files keep the owner they have on this host.
        os.close(folder)
        own = self._bound.named.open_folder()
        info = os.fstat(own)
        return Workspace(own, (info.st_uid, info.st_gid) if os.geteuid() == 0 else None)

    def _config(self) -> dict[str, Any]:
        policy = self._policy
        return {
            "op": "open",
            "profile": "landlock",
            "network": "host" if policy.network == "host" else "container",
            "host_network": Path("/proc/self/ns/net").stat().st_ino,
            "proxy": _ANY_PORT if has_proxy(policy) else None,
            "paths": [],
            "root": [],
            "named": self._to_be_found(),
            "workdir": None,
            "idmap": None,
            "uid": None,
            "disk": policy.disk,
            "files": policy.files,
            "bound": self._bound is not None or self._options.bind_dir is not None,
            "memory": policy.memory,
            "watch_memory": False,
            "processes": None,  # RLIMIT_NPROC counts those of the user outside as well
            "cpus": None,  # the engine limits them
            "landlock": None,
            "scoped": False,
            "readable": ["/", *system_figures()],
            "listed": ["/"],
            "closed": [RUNS],  # of each run but its own
            "writable": [HOME, *SHARED, *self._options.writable_volumes],
            "shared": list(SHARED),
            "places": {"base": RUNS, "workspace": WORKSPACE, "home": HOME},
            "preload": list(policy.preload),
            "look_for": list(_PROGRAMS),
        }

    def _to_be_found(self) -> dict[str, Identity]:
        """What has to be at which path in the container; that of the workspace is another."""
        if self._options.runtime:  # others than the engine's own may have other numbers for it
            return {}
        workdir = str(self._policy.workdir)
        named = self._named.identities.items()
        return {path: identity for path, identity in named if path != workdir}

    def _keep(self, step: str, fd: int) -> None:
        if step == "ready":
            self._folder = fd
        else:
            os.close(fd)

    async def _why_it_ended(self) -> BackendUnavailable:
        options = self._options
        return await why_it_ended(
            self._engine, self._image, options.python, self._body, options.platform
        )

    def _crash(self, why: str, remedy: str) -> BackendUnavailable:
        return BackendUnavailable(f"the guest in {self._image!r}", why=why, remedy=remedy)


async def _initialise(zygote: Zygote, policy: Policy, command: str) -> None:
    async def there(_: Policy) -> Zygote:
        return zygote

    result = await Sandbox(policy, launch=there).run(command, language="sh")
    if result.exit_code:
        tail = "\n".join(result.output.strip().splitlines()[-_TAIL:])
        raise UsageError(f"init_command: it failed (exit code {result.exit_code}):\n{tail}")


def _filters(policy: Policy) -> dict[str, tuple[bytes, ...]]:
    """What the guest puts on besides the filter of the container: by name, as it knows them."""
    sockets: seccomp.Sockets = "tcp" if has_proxy(policy) else "none"
    sockets = "network" if policy.network == "host" else sockets
    try:
        bound = (seccomp.of_work_folder(),) if policy.workdir is not None else ()
        return {
            "filters": (*seccomp.filters(), *bound),
            "filters_of_branches": (seccomp.without_namespaces(sockets=sockets, own_uid=False),),
            "filters_of_server": (seccomp.of_fork_server(),),
        }
    except BackendUnavailable:  # that of the container is on all the same
        return {"filters": (), "filters_of_branches": (), "filters_of_server": ()}


def _branching(ready: Mapping[str, Any], of_branches: tuple[bytes, ...]) -> Branching | None:
    """By Landlock and seccomp, if the container has them."""
    return "landlock" if of_branches and scopes_signals(int(ready["landlock"])) else None


def _of_guest(ready: Mapping[str, Any], programs: tuple[bytes, ...]) -> list[str]:
    """The layers that the guest puts on by itself."""
    names = [f"landlock-{int(ready['landlock'])}"] if ready["landlock"] else []
    return names + (["seccomp-arguments"] if programs else [])


def _paths(found: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: path for name, path in found.items() if isinstance(path, str)}
