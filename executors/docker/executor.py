"""Runs code blocks in a container."""

from __future__ import annotations

import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ...sandbox.policy import Policy
from ...sandbox.sandbox import Sandbox
from ..command_line import SUFFIXES
from ..sandboxed import SandboxedExecutor
from .exec_sandbox import ExecSandbox
from .launcher import ContainerLauncher
from .no_guest import NoGuest
from .options import ContainerOptions, check_policy
from .progress import Teller

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from ..block import CodeBlock
    from ..events import ImageProgress
    from ..functions import FuncSpec
    from ..sandboxed import Place
    from .progress import OnProgress


class DockerCommandLineCodeExecutor(SandboxedExecutor):
    """Runs each block as a fresh process tree in one container; name and options are AutoGen's.

    The container is confined by the whole policy, and has no network unless the policy says so.
    What runs in it is a fork server, as in the local sandbox, so a block takes milliseconds, and
    :attr:`sandbox` has sessions and branches. The container ends with :meth:`stop`, and by itself
    when this process ends, however that ends. The engine may be root's, or rootless.

    Parameters
    ----------
    image:
        The image, which is pulled if it is not there. One without Python 3.9 or later, or an
        engine on another machine, runs blocks by the engine's ``exec``, one at a time, each in a
        tenth of a second instead of milliseconds. By default ``sandcrew/data`` or
        ``sandcrew/base`` if they were built (``sandcrew images build``), or else
        ``python:3-slim``.
    container_name:
        A name for the container; by default one of its own.
    policy:
        What the code may use; the default has no network, one minute, 1 GiB. Memory, processes
        and processors are those of all blocks that run at one time. ``packages`` are refused: they
        are built on this host for an interpreter of this host, which an image does not have.
    timeout:
        Seconds each block may take, instead of the policy's.
    work_dir:
        A folder of the host to be the workspace, instead of the policy's; by default the workspace
        is private and in memory.
    bind_dir:
        The same folder as the engine calls it, where that differs (an engine outside of the
        container this runs in).
    auto_remove, stop_container:
        False to leave the container there, stopped, for you to look at and to remove.
    device_requests:
        ``docker.types.DeviceRequest`` objects, such as for GPUs.
    functions, functions_module:
        Functions of the caller that blocks can import, and the module they are in.
    extra_volumes:
        Folder of the host or name of a volume → ``{"bind": path inside, "mode": "ro" or "rw"}``.
    extra_hosts:
        Host name → address, for the container's ``/etc/hosts``.
    init_command:
        A shell command that runs first in every new container, under the same policy.
    delete_tmp_files:
        If false, the file of each block is left in the workspace as ``tmp_code_….py``.
    runtime:
        An OCI runtime of the engine, such as ``"runsc"`` (gVisor) or ``"kata"``. Refused with
        Podman, which takes none from its callers, as are ``device_requests``.
    platform:
        Such as ``"linux/arm64"``, for an engine that can emulate it.
    labels:
        Labels for the container besides ours.
    python:
        The interpreter, by name or by its path in the image.
    on_progress:
        Called with an :class:`~sandcrew.executors.ImageProgress` for each step of a pull;
        :meth:`start_stream` and :meth:`stream` tell them too.

    Raises
    ------
    UsageError
        An option makes no sense (:class:`PolicyError` where it is part of the policy).
    """

    def __init__(  # noqa: PLR0913 - AutoGen's, and what it lacks
        self,
        image: str | None = None,
        container_name: str | None = None,
        *,
        policy: Policy | None = None,
        timeout: float | None = None,
        work_dir: Path | str | None = None,
        bind_dir: Path | str | None = None,
        auto_remove: bool = True,
        stop_container: bool = True,
        device_requests: Sequence[Any] | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
        extra_volumes: Mapping[str, Mapping[str, str]] | None = None,
        extra_hosts: Mapping[str, str] | None = None,
        init_command: str | None = None,
        delete_tmp_files: bool = True,
        runtime: str | None = None,
        platform: str | None = None,
        labels: Mapping[str, str] | None = None,
        python: str = "python3",
        on_progress: OnProgress | None = None,
    ) -> None:
        super().__init__(functions, functions_module)
        changes: dict[str, Any] = {"timeout": timeout, "workdir": work_dir}
        given = {key: value for key, value in changes.items() if value is not None}
        self.policy = (policy or Policy()).replace(**given)
        check_policy(self.policy)
        self._keep_files = not delete_tmp_files
        options = ContainerOptions(
            image=image,
            container_name=container_name,
            auto_remove=auto_remove,
            stop_container=stop_container,
            python=python,
            runtime=runtime,
            platform=platform,
            device_requests=tuple(device_requests or ()),
            extra_volumes=dict(extra_volumes or {}),
            extra_hosts=dict(extra_hosts or {}),
            labels=dict(labels or {}),
            init_command=init_command,
            bind_dir=None if bind_dir is None else str(bind_dir),
        )
        self._options = options
        self._teller = Teller(on_progress)
        self._has_guest = True

    async def start(self) -> None:
        try:
            await super().start()
        except NoGuest:
            await self.stop()
            self._has_guest = False
            await super().start()
        self.languages = await self._started().languages()

    async def start_stream(self) -> AsyncGenerator[ImageProgress, None]:
        if self._sandbox is not None:  # nothing is pulled in between
            await self.start()
            return
        async with aclosing(self._teller.during(self.start())) as steps:
            async for step in steps:
                yield step

    def _make_sandbox(self) -> Place:
        if not self._has_guest:
            return ExecSandbox(self.policy, self._options, self._teller)
        launch = ContainerLauncher(self._options, self._teller)
        return Sandbox(self.policy, launch=launch)

    def _file_of(self, block: CodeBlock) -> str | None:
        name = super()._file_of(block)
        if name is None and self._keep_files:
            return f"tmp_code_{secrets.token_hex(16)}{SUFFIXES[block.language]}"
        return name
