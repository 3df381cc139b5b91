"""Lets any Jupyter front end start confined kernels.

JupyterLab, nbclient, papermill and VS Code ask jupyter_client for kernels, and that asks a
*provisioner* ("Kernel provisioning" in its documentation). This one is the entry point ``sandcrew``
of the group ``jupyter_client.kernel_provisioners``; kernel specs made by ``sandcrew kernels
install`` name it.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Unicode

from ...sandbox.errors import BackendCrashed
from ...sandbox.policy import Policy
from ...sandbox.sandbox import Sandbox
from .connection import CHANNELS, Connection, Rendezvous
from .kernel import START_SECONDS
from .place import ConfinedKernel
from .relay import Relay
from .room import kernel_policy
from .shared_folder import neutralise, share
from .spec import to_kernel_spec

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

    from ...sandbox.result import CodeResult


class SandboxProvisioner(KernelProvisionerBase):
    """Starts the kernel of its spec in a sandbox, which lasts over restarts of the kernel."""

    policy: Any = Unicode(
        "", config=True, help="A policy file (TOML); relative to the folder of the kernel spec."
    )
    active_outputs: Any = Bool(
        False,
        config=True,
        help="Pass on scripts and widgets, which run in the page of the front end, unconfined.",
    )
    share_folder: Any = Bool(
        False,
        config=True,
        help="The folder of the notebook is the workspace, to read; 'outputs' in it, to write.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._box: Sandbox | None = None
        self._shared: Path | None = None
        self._rendezvous: Rendezvous | None = None
        self._relay: Relay | None = None
        self._kernel: ConfinedKernel | None = None
        self._ending: asyncio.Future[CodeResult] | None = None

    @property
    def has_process(self) -> bool:
        return self._kernel is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        kwargs = await super().pre_launch(**kwargs)
        return {**kwargs, "cmd": [*self.kernel_spec.argv, *kwargs.pop("extra_arguments", [])]}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; where it is found.

        Raises
        ------
        BackendError
            This host cannot give the policy, or the kernel ended at once. Nothing runs unconfined.
        """
        spec = to_kernel_spec("", self.kernel_spec)
        if self._box is None:
            self._box = Sandbox(kernel_policy(self._read_policy(kwargs.get("cwd")), spec))
        rendezvous = self._rendezvous = self._rendezvous or Rendezvous()
        manager: Any = self.parent
        front = Connection.new(rendezvous.base, manager.session.key.decode())
        back = front if self.active_outputs else Connection(rendezvous.inner, front.key)
        kernel = await ConfinedKernel.launch(self._box, spec, (rendezvous, back))
        self._kernel = kernel
        self._ending = asyncio.ensure_future(kernel.wait())
        await self._until_reachable(kernel, self._ending)
        if back is not front:
            heartbeat = rendezvous.path / f"k-{CHANNELS.index('hb') + 1}"
            if not heartbeat.is_symlink():
                heartbeat.symlink_to(heartbeat.name.replace("k-", "k-in-"))
            self._relay = Relay(front, back)
        info = front.info()
        self.connection_info = cast("KernelConnectionInfo", {**info, "key": info["key"].encode()})
        return self.connection_info

    async def _until_reachable(
        self, kernel: ConfinedKernel, ending: asyncio.Future[CodeResult]
    ) -> None:
        reaching = asyncio.ensure_future(kernel.reachable())
        first = asyncio.FIRST_COMPLETED
        waiting: set[asyncio.Future[Any]] = {reaching, ending}
        try:
            await asyncio.wait(waiting, timeout=START_SECONDS, return_when=first)
            if not reaching.done():
                await self.kill()
                said = ending.result().output.strip() if ending.done() else ""
                raise BackendCrashed(f"The confined kernel did not start. {said[-2000:]}")
        finally:
            reaching.cancel()

    def _read_policy(self, folder: Any) -> Policy:
        path = Path(self.kernel_spec.resource_dir, self.policy) if self.policy else None
        policy = Policy.from_toml(path) if path else Policy()
        # How long a cell may take is for the front end to say; a kernel has no end.
        policy = policy.replace(timeout=None)
        if not (self.share_folder and folder):
            return policy
        policy = share(policy, Path(folder).absolute())
        self._shared = Path(folder).absolute()
        return policy

    async def poll(self) -> int | None:
        await asyncio.sleep(0)  # a front end may let this loop run only while it asks
        if self._ending is None:
            return 0
        if self._relay is not None and not self._relay.alive:
            await self.kill()  # nobody could hear it
            return 1
        return self._exit_code(self._ending) if self._ending.done() else None

    async def wait(self) -> int | None:
        if self._ending is None:
            return 0
        await asyncio.wait([self._ending])
        self._kernel = None
        return self._exit_code(self._ending)

    @staticmethod
    def _exit_code(ending: asyncio.Future[CodeResult]) -> int:
        lost = ending.cancelled() or ending.exception() is not None
        return 1 if lost else ending.result().exit_code

    async def send_signal(self, signum: int) -> None:
        if self._kernel is None:
            return
        if signum == signal.SIGINT:
            self._kernel.interrupt()
        elif signum in (signal.SIGTERM, signal.SIGKILL):
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        if self._kernel is not None:
            await self._kernel.close()

    async def terminate(self, restart: bool = False) -> None:
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        await self.kill()
        self._kernel = None
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        if restart:
            return
        box, self._box = self._box, None
        rendezvous, self._rendezvous = self._rendezvous, None
        if box is not None:
            await box.close()
        if self._shared is not None:
            neutralise(self._shared)  # here: a front end that ends has no threads any more
        if rendezvous is not None:
            rendezvous.close()
