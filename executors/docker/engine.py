"""A connection to a Docker engine, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from ...sandbox.errors import MissingExtra
from .errors import engine_failed, no_engine

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
        is_podman: bool = False,
        rootless: tuple[int, int] | None = None,
    ) -> None:
        self.address = address
        self.client = client
        """A ``docker.APIClient``, whose types are not complete enough to be checked."""
        self.is_podman = is_podman
        """True for Podman behind Docker's API."""
        self.rootless = rootless
        """User and group id of an engine that is not root's."""

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
            uid, gid = _knock(address)
            settings = docker.utils.kwargs_from_env()
            oldest = docker.constants.MINIMUM_DOCKER_API_VERSION
            # To ask for its version would have the engine run the programs it consists of.
            with closing(docker.APIClient(version=oldest, timeout=TIMEOUT, **settings)) as client:
                answer = client.get(f"{client.base_url}/_ping")
            if "Api-Version" not in answer.headers:
                raise docker.errors.DockerException("what answers there is no engine")
            client = docker.APIClient(
                version=answer.headers["Api-Version"], timeout=TIMEOUT, **settings
            )
            # What is not root's may pass on to an engine that is: that says so itself.
            is_rootless = uid > 0 and _is_rootless(client.info())
            return cls(
                client,
                address,
                is_podman="Libpod-Api-Version" in answer.headers,
                rootless=(uid, gid) if is_rootless else None,
            )

        try:
            return await in_thread(connect)
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


def _knock(address: str) -> tuple[int, int]:
    """Find out whether somebody listens, for ``docker`` leaves a socket open where nobody does.

    Returns the user and group id of who does (SO_PEERCRED, unix(7)), or those of root.
    """
    if not address.startswith("unix://"):
        return 0, 0
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(address.removeprefix("unix://"))
        if sys.platform != "linux":
            return 0, 0
        _, uid, gid = struct.unpack(
            "3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
    return uid, gid


def _is_rootless(info: dict[str, Any]) -> bool:
    """As Docker says it, and as Podman does."""
    return "name=rootless" in info.get("SecurityOptions", ()) or bool(info.get("Rootless"))


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
