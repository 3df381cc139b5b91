"""A connection to a Docker engine, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, TypeVar

from ...sandbox.errors import MissingExtra
from .errors import engine_failed, no_engine, somebody_elses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
T = TypeVar("T")

TIMEOUT = 60
"""Seconds the engine has for one answer."""


def docker_package() -> Any:
    """The package ``docker``, which is much to load.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import docker
    except ImportError as error:
        raise MissingExtra("docker", "docker") from error
    return docker


class Engine:
    """Asks the engine, in threads, for its package blocks.

    A call that has been made is waited for even by a caller that is cancelled, so that nobody
    cleans up before it is known what there is.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        *,
        is_podman: bool,
        rootless: bool,
    ) -> None:
        self.address = address
        self.client = client
        """A ``docker.APIClient``, whose types are not complete enough to be checked."""
        self.is_podman = is_podman
        """True for Podman behind Docker's API."""
        self.rootless = rootless
        """True for an engine of this user's own, false for one of root's."""

    @classmethod
    async def connect(cls) -> Engine:
        """Connect to the engine that ``DOCKER_HOST`` names, by default that of this machine.

        Raises
        ------
        BackendUnavailable
            None answers there, or not to this user.
        MissingExtra
            The package ``docker`` is not installed.
        """
        docker = docker_package()
        import requests  # what docker speaks HTTP with

        address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

        def connect() -> Engine:
            uid = _knock(address)
            settings = docker.utils.kwargs_from_env()
            oldest = docker.constants.MINIMUM_DOCKER_API_VERSION
            # To ask for its version would have the engine run the programs it consists of.
            with closing(docker.APIClient(version=oldest, timeout=TIMEOUT, **settings)) as client:
                answer = client.get(f"{client.base_url}/_ping")
            if "Api-Version" not in answer.headers:
                raise docker.errors.DockerException("what answers there is no engine")
            version = answer.headers["Api-Version"]
            client = docker.APIClient(version=version, timeout=TIMEOUT, **settings)
            with ExitStack() as unless_all_is_well:
                unless_all_is_well.callback(client.close)
                # Who is not root may pass on to an engine that is, which then says so.
                rootless = uid > 0 and _is_rootless(client.info())
                if rootless and uid != os.geteuid():
                    raise somebody_elses(address, uid)
                unless_all_is_well.pop_all()
            is_podman = "Libpod-Api-Version" in answer.headers
            return cls(client, address, is_podman=is_podman, rootless=rootless)

        async def close(engine: Engine) -> None:
            engine.close()

        try:
            return await to_the_end(asyncio.to_thread(connect), close)
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise no_engine(address, error) from error

    async def call(
        self, what: str, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Call a method of the client; ``what`` says for an error what it was to do.

        Raises
        ------
        BackendError
            The engine refused (``__cause__`` is its error), or went away.
        """
        docker = docker_package()
        import requests

        def call() -> Any:
            _knock(self.address)
            return function(*args, **options)

        try:
            return await in_thread(call)
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise engine_failed(what, error) from error

    @property
    def is_here(self) -> bool:
        """True when its containers run on the kernel of this process, as far as can be told."""
        return sys.platform == "linux" and self.address.startswith("unix://")

    async def info(self) -> dict[str, Any]:
        """What the engine says of itself (``GET /info``)."""
        info: dict[str, Any] = await self.call("tell about itself", self.client.info)
        return info

    def close(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone
            self.client.close()


def _knock(address: str) -> int:
    """Find out whether somebody listens, for ``docker`` leaves a socket open where nobody does.

    Returns the user id of who does (SO_PEERCRED, unix(7)); root's where that cannot be told.
    """
    if not address.startswith("unix://"):
        return 0
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(address.removeprefix("unix://"))
        if sys.platform != "linux":
            return 0
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", credentials)[1])


def _is_rootless(info: dict[str, Any]) -> bool:
    """As Docker says it, and as Podman does."""
    return "name=rootless" in (info.get("SecurityOptions") or ()) or bool(info.get("Rootless"))


async def in_thread(function: Callable[..., T], *args: Any, **options: Any) -> T:
    """Call in a thread, and wait for the end of it whatever happens."""
    return await to_the_end(asyncio.to_thread(function, *args, **options))


async def to_the_end(
    work: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[object]] | None = None
) -> T:
    """Wait for ``work`` even when cancelled; then ``undo`` what it made."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if undo is not None and task.exception() is None:
            await undo(task.result())
        raise
