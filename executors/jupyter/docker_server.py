"""A kernel gateway in a container, and an executor on it; the names are AutoGen's."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...sandbox.errors import BackendUnavailable, UsageError
from ...sandbox.output import DEFAULT_LIMIT
from .gateway import Gateway, GatewayKernel, JupyterConnectionInfo
from .kernel_executor import KernelExecutor
from .spec import KernelSpec

if TYPE_CHECKING:
    from types import TracebackType

    from ...sandbox.result import Artifact
    from ..docker.container import Container
    from ..docker.engine import Engine
    from .place import PlacedKernel

START_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_PORT = 8888
_LOOPBACK = "127.0.0.1"
_ISOLATION = ("container", "no-capabilities", "no-new-privileges", "cgroup")


class DockerJupyterServer:
    """A kernel gateway in a container, on a port of this host's loopback, behind a token.

    For what AutoGen's is for. ``JupyterCodeExecutor(where="docker")`` needs no port, no network
    and no token, and confines more.

    Parameters
    ----------
    custom_image_name:
        An image with ``jupyter kernelgateway``; by default ours, ``jupyter``.
    container_name, auto_remove, stop_container:
        Its name, and whether :meth:`stop` removes or only stops it.
    docker_env:
        Environment variables of the kernels.
    expose_port:
        The port of this host; 0 for one that is free.
    token:
        What requests must know; a random one by default. It cannot be empty.
    work_dir:
        The folder of the code in the container.
    bind_dir:
        A folder of the host to be that one; by default a fresh one that goes with the container.
    network:
        The engine's network it is on; one without the outside is up to you.

    Raises
    ------
    UsageError
        An option makes no sense.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's, and the network)
        self,
        *,
        custom_image_name: str | None = None,
        container_name: str | None = None,
        auto_remove: bool = True,
        stop_container: bool = True,
        docker_env: dict[str, str] | None = None,
        expose_port: int = 0,
        token: str | None = None,
        work_dir: Path | str = "/workspace",
        bind_dir: Path | str | None = None,
        network: str | None = None,
    ) -> None:
        if token is not None and len(token) < 8:
            raise UsageError("token: a server that runs code needs one of 8 characters or more.")
        if not 0 <= expose_port < 1 << 16:
            raise UsageError(f"expose_port={expose_port!r} is no port.")
        self._image = custom_image_name
        self._name = container_name
        self._remove = auto_remove
        self._stop = stop_container
        self._env = docker_env or {}
        self._port = expose_port
        self._token = token or secrets.token_hex(32)
        self._work_dir = str(work_dir)
        self._bind_dir = None if bind_dir is None else Path(bind_dir).absolute()
        self._network = network
        self._engine: Engine | None = None
        self._container: Container | None = None
        self._info: JupyterConnectionInfo | None = None

    @property
    def connection_info(self) -> JupyterConnectionInfo:
        """Where it listens.

        Raises
        ------
        UsageError
            It is not started.
        """
        if self._info is None:
            raise UsageError("The server is not started: await start(), or use `async with`.")
        return self._info

    async def start(self) -> None:
        """Start it and wait until it answers; does nothing when it does.

        Raises
        ------
        BackendUnavailable
            There is no engine or image, or no gateway in it.
        """
        if self._info is not None:
            return
        from ..docker.container import Container
        from ..docker.engine import Engine
        from ..docker.images import ensure_image, tag_of
        from ..docker.reaper import reap

        self._engine = engine = await Engine.connect()
        try:
            await reap(engine)
            image = self._image or tag_of("jupyter")
            await ensure_image(engine, image, None, None)
            self._container = await Container.create(engine, self._name, self._body(image), None)
            await self._container.start()
            self._info = await self._until_it_answers(self._container)
        except BaseException:
            await asyncio.shield(self.stop())
            raise

    async def stop(self) -> None:
        """End it, as its options say; idempotent."""
        self._info = None
        container, self._container = self._container, None
        engine, self._engine = self._engine, None
        if container is not None and self._stop:
            await container.end(remove=self._remove)
        if engine is not None:
            engine.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _body(self, image: str) -> dict[str, Any]:
        """What the engine is to make: "ContainerCreate" of its API."""
        from ..docker.labels import of_this_process

        port = f"{_PORT}/tcp"
        binds = [f"{self._bind_dir}:{self._work_dir}"] if self._bind_dir else []
        # The token is in the environment: arguments can be seen by all of the host.
        env = {**self._env, "KG_AUTH_TOKEN": self._token, "KG_IP": "0.0.0.0"}  # noqa: S104
        return {
            "Image": image,
            "Entrypoint": ["python3", "-m", "kernel_gateway", f"--KernelGatewayApp.port={_PORT}"],
            "Cmd": [],
            "WorkingDir": self._work_dir,
            "Env": [f"{name}={value}" for name, value in env.items()],
            "ExposedPorts": {port: {}},
            "Labels": of_this_process(keep=not (self._remove and self._stop)),
            "HostConfig": {
                "Binds": binds,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Memory": 2 << 30,
                "PidsLimit": 512,
                "Init": True,
                "NetworkMode": self._network or "default",
                "PortBindings": {port: [{"HostIp": _LOOPBACK, "HostPort": str(self._port or "")}]},
            },
        }

    async def _until_it_answers(self, container: Container) -> JupyterConnectionInfo:
        try:
            async with asyncio.timeout(START_SECONDS):
                while await container.is_running():
                    info = await self._published(container)
                    if info is not None and await _answers(info):
                        return info
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            pass
        raise BackendUnavailable(
            "the kernel gateway",
            why=await container.last_words() or "it does not answer",
            remedy="Take an image that has it: sandcrew images build jupyter.",
        )

    async def _published(self, container: Container) -> JupyterConnectionInfo | None:
        found = await container.inspect() or {}
        ports = found.get("NetworkSettings", {}).get("Ports", {}).get(f"{_PORT}/tcp")
        if not ports:
            return None
        return JupyterConnectionInfo(_LOOPBACK, False, int(ports[0]["HostPort"]), self._token)


async def _answers(info: JupyterConnectionInfo) -> bool:
    try:
        await Gateway(info).ask("GET", "kernelspecs")
    except BackendUnavailable:
        return False
    return True


class DockerJupyterCodeExecutor(KernelExecutor):
    """Runs blocks as cells of a kernel behind a server; name and options are AutoGen's.

    Parameters
    ----------
    jupyter_server:
        A started :class:`DockerJupyterServer`, or where any Jupyter server listens. What confines
        the code is up to the server.
    kernel_name:
        A kernel of the server's, for Python.
    timeout:
        Seconds each block may take.
    output_dir:
        The folder for pictures on this host; by default a temporary one that ``stop`` removes.
    """

    confined = False

    def __init__(
        self,
        jupyter_server: DockerJupyterServer | JupyterConnectionInfo,
        kernel_name: str = "python3",
        timeout: float = 60,
        output_dir: Path | str | None = None,
    ) -> None:
        if not timeout > 0:
            raise UsageError(f"timeout={timeout!r}: a time limit is a positive number of seconds.")
        argv = ("python3", "-m", "ipykernel_launcher")
        spec = KernelSpec(kernel_name, kernel_name, argv, "python", {}, "signal", Path())
        room = GatewayRoom(jupyter_server)
        self.confined = bool(room.isolation)
        super().__init__(spec, room, timeout=timeout, limit=DEFAULT_LIMIT, output_dir=output_dir)


class GatewayRoom:
    """A server with kernels."""

    def __init__(self, server: DockerJupyterServer | JupyterConnectionInfo) -> None:
        self._server = server
        self.isolation = _ISOLATION if isinstance(server, DockerJupyterServer) else ()

    async def start(self) -> None:
        if isinstance(self._server, DockerJupyterServer):
            await self._server.start()

    async def close(self) -> None:
        """The server is its maker's to stop."""

    async def launch(self, spec: KernelSpec) -> PlacedKernel:
        server = self._server
        info = server.connection_info if isinstance(server, DockerJupyterServer) else server
        return await GatewayKernel.launch(Gateway(info), spec, self.isolation)

    async def read_file(self, path: str) -> bytes:
        raise _no_files()

    async def write_file(self, path: str, data: bytes) -> None:
        raise _no_files()

    async def list_files(self) -> list[Artifact]:
        raise _no_files()


def _no_files() -> UsageError:
    return UsageError(
        "The files of a kernel behind a server cannot be reached from here; use "
        "JupyterCodeExecutor(where='docker'), or bind_dir of the server."
    )
