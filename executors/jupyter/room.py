"""The rooms kernels of one executor run in: a workspace, and kernels that share it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ...sandbox.errors import UsageError
from ...sandbox.launcher import launch as launch_here
from ...sandbox.sandbox import Sandbox
from ..local_place import Place as LocalFolders
from .guest_code import PRELOAD
from .place import ConfinedKernel, LocalKernel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ...sandbox.policy import Policy
    from ...sandbox.result import Artifact
    from ...sandbox.zygote import Zygote
    from .place import PlacedKernel
    from .spec import KernelSpec

    Launch = Callable[[Policy], Awaitable[Zygote]]


_TERMINALS = 16
"""For kernels that are not IPython's."""


class Room(Protocol):
    """A workspace, and the way to start kernels in it."""

    async def start(self) -> None:
        """Make it ready; does nothing when it is."""

    async def close(self) -> None:
        """Remove it; idempotent."""

    async def launch(self, spec: KernelSpec) -> PlacedKernel:
        """Start a kernel."""
        ...

    async def read_file(self, path: str) -> bytes: ...
    async def write_file(self, path: str, data: bytes) -> None: ...
    async def list_files(self) -> list[Artifact]: ...


def kernel_policy(policy: Policy, spec: KernelSpec) -> Policy:
    """The policy with what the kernel needs: its interpreter, its files, its modules warm.

    Raises
    ------
    UsageError
        The policy cannot hold a kernel.
    """
    if policy.profile != "namespaces":
        raise UsageError(
            f"profile={policy.profile!r} leaves no Unix sockets, by which kernels are talked to; "
            "use 'namespaces'."
        )
    changes: dict[str, object] = {}
    if spec.python is not None and policy.python is None:
        changes["python"] = spec.python
    if spec.is_ipykernel:
        changes["preload"] = (*policy.preload, *PRELOAD)
        return policy.replace(**changes)
    if spec.resource_dir.is_dir():
        changes["read_only"] = (*policy.read_only, spec.resource_dir.resolve())
    # Kernels around a shell or an interpreter that is there already talk to it by a terminal.
    changes["terminals"] = policy.terminals or _TERMINALS
    return policy.replace(**changes)


class SandboxRoom:
    """A sandbox, on this machine or wherever ``launch`` starts it."""

    def __init__(self, policy: Policy, launch: Launch = launch_here) -> None:
        self._policy = policy
        self._launch = launch
        self._box: Sandbox | None = None

    async def start(self) -> None:
        await self._opened().start()

    async def close(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            await box.close()

    async def launch(self, spec: KernelSpec) -> PlacedKernel:
        return await ConfinedKernel.launch(self._opened(), spec)

    async def read_file(self, path: str) -> bytes:
        return await self._opened().read_file(path)

    async def write_file(self, path: str, data: bytes) -> None:
        await self._opened().write_file(path, data)

    async def list_files(self) -> list[Artifact]:
        return await self._opened().list_files()

    def _opened(self) -> Sandbox:
        if self._box is None:
            self._box = Sandbox(self._policy, launch=self._launch)
        return self._box


def container_room(policy: Policy, spec: KernelSpec, image: str | None) -> SandboxRoom:
    """A container of the ``jupyter`` image, or of another that has the kernel's packages.

    Raises
    ------
    UsageError
        The kernel is not Python's: specs are of this host, and say nothing of an image.
    """
    from ..docker.images import tag_of
    from ..docker.launcher import ContainerLauncher
    from ..docker.options import ContainerOptions

    if not spec.is_ipykernel:
        raise UsageError(f"where='docker' has Python kernels only, and no {spec.name!r}.")
    options = ContainerOptions(image=image or tag_of("jupyter"))
    preloading = policy.replace(preload=(*policy.preload, *PRELOAD))
    return SandboxRoom(preloading, ContainerLauncher(options))


class LocalRoom:
    """A folder of this host; kernels have all the rights of the caller."""

    def __init__(self, work_dir: Path | None) -> None:
        self._work_dir = work_dir
        self._folders: LocalFolders | None = None

    async def start(self) -> None:
        self._opened()

    async def close(self) -> None:
        folders, self._folders = self._folders, None
        if folders is not None:
            await asyncio.to_thread(folders.remove)

    async def launch(self, spec: KernelSpec) -> PlacedKernel:
        return await LocalKernel.launch(self._opened(), spec)

    async def read_file(self, path: str) -> bytes:
        return await asyncio.to_thread(self._opened().workspace.read_file, path)

    async def write_file(self, path: str, data: bytes) -> None:
        await asyncio.to_thread(self._opened().workspace.write_file, path, data)

    async def list_files(self) -> list[Artifact]:
        return await asyncio.to_thread(self._opened().workspace.list_files)

    def _opened(self) -> LocalFolders:
        if self._folders is None:
            self._folders = LocalFolders.make(self._work_dir)
        return self._folders
