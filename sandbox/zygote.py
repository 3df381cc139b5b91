"""The host's handle of a running fork server: asks it for guests, ends it.

Who started it, and where, is the business of a launcher: :mod:`.launcher` on this machine.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from .errors import BackendCrashed, BackendError, UsageError
from .guest.handles import ABOVE, namespaces
from .guests import Guest
from .intake.frames import FORK_SERVER
from .pool import Pool
from .session_guests import BranchGuest, ForkGuest, SessionGuest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .cgroup import Cgroup, Cgroups
    from .channel import Channel
    from .language import Language
    from .network import Proxy
    from .policy import Policy
    from .result import Denial
    from .work_folder import WorkFolder
    from .workspace import Workspace


G = TypeVar("G", bound=Guest)

NO_BRANCHES = (
    "A session can be branched only on a kernel with Landlock (see sandcrew doctor). In the local "
    "sandbox with the profile 'namespaces', any version will do, and time namespaces are needed "
    "(CONFIG_TIME_NS); without namespaces, version 6 is needed, of Linux 6.12."
)
NO_BRANCHES_OF_PARTS = (
    "A session whose workspace can be written only in part (writable=) cannot be branched: the "
    "copy would not be what it is. Leave 'writable' out."
)
NO_BRANCHES_OF_BRANCHES = (
    "A branch can be branched only where guests have namespaces of their own: in the local sandbox "
    "with the profile 'namespaces'. Branch its session once more."
)


Branching = Literal["namespaces", "landlock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a launcher knows of the guests of the fork server it has started."""

    isolation: tuple[str, ...]
    """The layers around each of them, by name."""
    environment: Mapping[str, str]
    """Variables each program gets."""
    languages: Mapping[str, Language]
    """What can be run, by canonical name."""
    owner: int | None = None
    """The id guests have outside, if it is another than the caller's."""
    cgroups: Cgroups | None = None
    """Where a cgroup can be made for each."""
    address_space: int | None = None
    """Bytes a process may map, where nothing counts what it really uses."""
    branches: Branching | None = None
    """How a session is branched. In namespaces of each guest: those of time keep out who shares its
    memory, and Landlock keeps its program from who makes them, for that one comes through the guest
    with all capabilities. Or by Landlock alone, if it holds signals back."""
    order: signal.Signals = signal.SIGKILL
    """Upon this signal the first process of a guest, or the kernel for it, kills all others."""


class Zygote:
    """A warm, confined parent process that forks a guest for each run.

    Made by a launcher, which has heard on ``channel`` that it is ready. ``end`` is the launcher's
    way to kill all of it and to remove what it made. This handle owns the folder that
    ``workspace`` has open.
    """

    def __init__(
        self,
        channel: Channel,
        policy: Policy,
        terms: Terms,
        workspace: Workspace,
        end: Callable[[], Awaitable[None]],
        bound: WorkFolder | None = None,
    ) -> None:
        self._policy = policy
        self._bound = bound
        self._had_sessions = False
        self._terms = terms
        self._end = end
        self._workspace: Workspace | None = workspace
        self._guests: dict[int, Guest] = {}
        self._abandoned: list[Guest] = []
        self._next_id = 0
        self._channel: Channel | None = channel
        channel.hand_over(FORK_SERVER, self._on_frame, self._on_close)
        self.pool = Pool(self)

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
    def isolation(self) -> tuple[str, ...]:
        return self._terms.isolation

    @property
    def environment(self) -> Mapping[str, str]:
        return self._terms.environment

    @property
    def languages(self) -> Mapping[str, Language]:
        return self._terms.languages

    @property
    def address_space(self) -> int | None:
        return self._terms.address_space

    @property
    def namespaces(self) -> tuple[str, ...]:
        """What kinds a branch has of its own, in the order of :func:`.guest.handles.namespaces`."""
        return namespaces(host_network=self._policy.network == "host")

    @property
    def owner(self) -> int | None:
        return self._terms.owner

    @property
    def workspace(self) -> Workspace:
        """The guests' workspace, seen from here."""
        assert self._workspace is not None
        return self._workspace

    def watch(self, guest: Guest) -> None:
        """End ``guest``, which gets its job, when the workspace is the caller's and too full."""
        if self._bound is not None:
            self._bound.watch.add(guest)

    async def exceeded(self) -> str | None:
        """The limit of the workspace that a guest which has ended exceeded, if any."""
        return None if self._bound is None else await self._bound.watch.settle()

    async def left(self) -> tuple[Denial, ...]:
        """What is new in a workspace of the caller's and no file of its own, to be told."""
        if self._bound is None:
            return ()
        return await self._bound.sweep(devices_only=self._leaves_devices_only)

    async def log_left(self) -> None:
        """Remove or log what is new there, of which no result can tell any more."""
        if self._bound is not None:
            await self._bound.sweep_to_log(devices_only=self._leaves_devices_only)

    def attach(self) -> None:
        """Work on the running event loop from now on; guests of another one are given up."""
        if self._channel is None or self._channel.loop is asyncio.get_running_loop():
            return
        self._abandon_guests("The sandbox is used on another event loop now.")
        if self._bound is not None:
            self._bound.watch.forget_all()
        self.pool.close()
        self.pool = Pool(self)
        self._channel.attach()

    async def fork(self) -> Guest:
        """Fork a guest for a program; it is on its way to be confined when this returns.

        Raises
        ------
        BackendCrashed
            The zygote has gone.
        """
        return await self._begin(Guest, {"op": "guest", "session": False})

    async def fork_session(self) -> SessionGuest:
        """Fork a guest for a live interpreter; raises as :meth:`fork` does."""
        self._had_sessions = True
        return await self._begin(SessionGuest, {"op": "guest", "session": True})

    @property
    def makes_rooms_ahead(self) -> bool:
        """Namespaces take longer to be made than branches should; folders do not."""
        return self._terms.branches == "namespaces"

    def branching(self, parent: SessionGuest) -> Branching:
        """How ``parent`` is branched.

        Raises
        ------
        UsageError
            It cannot be.
        """
        how = self._terms.branches
        if how is None:
            raise UsageError(NO_BRANCHES)
        if self._policy.writable is not None:
            raise UsageError(NO_BRANCHES_OF_PARTS)
        if how == "landlock" and parent.root is not parent:
            raise UsageError(NO_BRANCHES_OF_BRANCHES)
        return how

    async def branch(self, parent: SessionGuest) -> BranchGuest:
        """Have namespaces made for a branch of ``parent``.

        Raises
        ------
        BackendError
            The parent has ended.
        """

        def make(number: int, sock: socket.socket, cgroup: Cgroup | None, _: object) -> BranchGuest:
            return BranchGuest(number, sock, cgroup, parent)

        above = await parent.show(ABOVE)
        try:
            return await self._begin(make, {"op": "branch"}, above)
        finally:
            for fd in above:
                os.close(fd)

    def fork_of(self, parent: SessionGuest) -> tuple[ForkGuest, socket.socket]:
        """A guest that is to be a fork of ``parent``, and the other end of its socket."""
        order = self._terms.order
        guest, theirs, doors = self._make(
            lambda number, sock, cgroup, _: ForkGuest(number, sock, cgroup, parent, order)
        )
        for door in doors:  # it will be let in by itself
            os.close(door)
        return guest, theirs

    async def _begin(
        self,
        make: Callable[[int, socket.socket, Cgroup | None, signal.Signals], G],
        header: dict[str, Any],
        fds: Sequence[int] = (),
    ) -> G:
        if self._channel is None:
            raise BackendCrashed("The sandbox has ended.")
        guest, theirs, doors = self._make(make)
        with theirs:
            header = {**header, "id": guest.number, "doors": len(doors)}
            try:
                await self._channel.send(header, fds=[theirs.fileno(), *doors, *fds])
            except OSError as error:
                raise BackendCrashed("The sandbox ended unexpectedly.") from error
            except asyncio.CancelledError:
                guest.kill()  # nobody else knows of it
                raise
            finally:
                for door in doors:
                    os.close(door)
        return guest

    def _make(
        self, make: Callable[[int, socket.socket, Cgroup | None, signal.Signals], G]
    ) -> tuple[G, socket.socket, list[int]]:
        """A guest, the other end of its socket, and the ways into its cgroup."""
        self._abandoned = [guest for guest in self._abandoned if not guest.remove_cgroup()]
        cgroup, doors = self._new_cgroup()
        ours, theirs = socket.socketpair()
        self._next_id += 1
        number = self._next_id
        guest = make(number, ours, cgroup, self._terms.order)
        self._guests[number] = guest
        guest.on_gone = lambda: self._forget(number)
        return guest, theirs, doors

    def _new_cgroup(self) -> tuple[Cgroup | None, list[int]]:
        """A cgroup for one guest, if it is to have one, and the ways into it."""
        cgroups = self._terms.cgroups
        if cgroups is None:
            return None, []
        try:
            cgroup = cgroups.create(self._policy)
            try:
                return cgroup, cgroup.open_doors()
            except OSError:
                cgroup.remove()
                raise
        except OSError as error:
            raise BackendError(f"No cgroup can be made for a guest: {error}.") from error

    async def close(self) -> None:
        """Kill everything and wait, for a bounded time, until it is gone."""
        self.pool.close()
        await asyncio.shield(self._end())
        if self._channel is not None:
            self._channel.close()
        self._lose("The sandbox was closed.")
        for guest in self._abandoned:
            guest.remove_cgroup()
        self._abandoned.clear()
        bound, self._bound = self._bound, None
        if bound is not None:
            try:
                await bound.sweep_to_log(devices_only=self._leaves_devices_only)
            finally:
                bound.close()
        workspace, self._workspace = self._workspace, None
        if workspace is not None:
            os.close(workspace.dir_fd)

    @property
    def _leaves_devices_only(self) -> bool:
        """Whether Landlock keeps guests from all others; renameat2(2) makes devices."""
        by_landlock = any(name.startswith("landlock") for name in self.isolation)
        return by_landlock and not self._had_sessions

    # --- what the zygote says ---

    def _on_frame(self, header: dict[str, Any], fds: list[int], _: bytes) -> None:
        match header.get("op"), fds:
            case "started", [pidfd] if header.get("id") in self._guests:
                self._guests[header["id"]].on_started(pidfd)
            case "exited", [] if header.get("id") in self._guests:
                self._guests[header["id"]].on_exited(header)
            case _:
                for fd in fds:
                    os.close(fd)

    def _forget(self, number: int) -> None:
        guest = self._guests.pop(number, None)
        if guest is not None and self._bound is not None:
            self._bound.watch.discard(guest)
        if guest is not None and not guest.remove_cgroup():
            self._abandoned.append(guest)

    def _on_close(self, _: str | None) -> None:
        self._lose("The sandbox ended unexpectedly; the next call starts a new one.")

    def _lose(self, why: str) -> None:
        self._channel = None
        self._abandon_guests(why)

    def _abandon_guests(self, why: str) -> None:
        guests, self._guests = self._guests, {}
        for guest in guests.values():
            guest.kill()
            guest.on_lost(why)
        self._abandoned += guests.values()
