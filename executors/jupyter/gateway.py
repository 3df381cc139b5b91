"""Kernels behind a Jupyter server or kernel gateway, by its REST and WebSocket API.

See "REST API" in the documentation of Jupyter Server, and "Websocket mode" of Kernel Gateway.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...sandbox.errors import BackendUnavailable, UsageError
from ...sandbox.result import EXIT_KILLED, CodeResult, Usage
from .messages import MAX_CONTENT, Malformed, parse_websocket

if TYPE_CHECKING:
    from ...sandbox.cgroup import Accounts
    from ...sandbox.result import Artifact, Contact, Denial
    from .kernel import Line, Listener
    from .spec import KernelSpec

ANSWER_SECONDS = 20.0
MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read."""
_HOST = re.compile(r"(?:[\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?:/[\w.~/-]{0,1000})?", re.ASCII)
_GONE = ("restarting", "dead", "autorestarting")


@dataclass(frozen=True, slots=True)
class JupyterConnectionInfo:
    """Where a server listens; name and fields are AutoGen's.

    Without a port, ``host`` may have a path behind it.

    Raises
    ------
    UsageError
        There is no such port or host: the token must not go anywhere else.
    """

    host: str
    use_https: bool
    port: int | None
    token: str | None

    def __post_init__(self) -> None:
        if self.port is not None and not 0 < self.port < 1 << 16:
            raise UsageError(f"port={self.port}: there are 1 to 65,535.")
        if not _HOST.fullmatch(self.host) or (self.port is not None and "/" in self.host):
            raise UsageError(f"host={self.host[:100]!r} is no name of a host, nor an address.")

    @property
    def address(self) -> str:
        """``host:port``."""
        return self.host if self.port is None else f"{self.host}:{self.port}"


class Gateway:
    """Asks a server for kernels."""

    def __init__(self, info: JupyterConnectionInfo) -> None:
        self._info = info
        self._secure = "s" if info.use_https else ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self._info.token}"} if self._info.token else {}

    def channels(self, kernel: str, session: str) -> str:
        """The address of a kernel's messages."""
        address = f"ws{self._secure}://{self._info.address}/api/kernels/{kernel}/channels"
        return f"{address}?session_id={session}"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request.

        Raises
        ------
        BackendUnavailable
            Nobody answers, or the server refuses.
        """
        return await asyncio.to_thread(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        url = f"http{self._secure}://{self._info.address}/api/{path}"
        data = None if body is None else json.dumps(body).encode()
        # The scheme is one of the two above.
        request = urllib.request.Request(url, data, self.headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                text = answer.read(MAX_ANSWER + 1)
                return json.loads(text) if text else None
        except (OSError, ValueError, RecursionError) as error:
            raise BackendUnavailable(
                f"the Jupyter server at {self._info.address}",
                why=str(error),
                remedy="Is it running, and is its token right?",
            ) from error


class GatewayKernel:
    """A kernel of a server; made by :meth:`launch`. Its files cannot be seen from here."""

    accounts = None
    denials: tuple[Denial, ...] = ()
    contacts: tuple[Contact, ...] = ()

    def __init__(self, gateway: Gateway, identifier: str, isolation: tuple[str, ...]) -> None:
        self._gateway = gateway
        self._id = identifier
        self.isolation = isolation
        self.workspace = NoFiles()
        self._ended: asyncio.Future[CodeResult] = asyncio.get_running_loop().create_future()
        self._interrupting: asyncio.Task[Any] | None = None
        self._closed = False

    @classmethod
    async def launch(
        cls, gateway: Gateway, spec: KernelSpec, isolation: tuple[str, ...]
    ) -> GatewayKernel:
        made = await gateway.ask("POST", "kernels", {"name": spec.name})
        identifier = made.get("id") if isinstance(made, dict) else None  # pyright: ignore
        if not isinstance(identifier, str) or not identifier.replace("-", "").isalnum():
            raise BackendUnavailable(
                "a kernel of the Jupyter server", why="it answers nonsense", remedy="Is it one?"
            )
        return cls(gateway, identifier, isolation)

    async def connect(self, on_message: Listener) -> Line:
        """Open the WebSocket.

        Raises
        ------
        BackendUnavailable
            The server refuses.
        """
        line = WebSocketLine(on_message, self._on_state)
        await line.open(self._gateway, self._id)
        return line

    def interrupt(self) -> None:
        self._interrupting = asyncio.ensure_future(
            self._gateway.ask("POST", f"kernels/{self._id}/interrupt")
        )

    async def wait(self) -> CodeResult:
        return await asyncio.shield(self._ended)

    async def look_at_files(self) -> None:
        """They are the server's."""

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._gateway.ask("DELETE", f"kernels/{self._id}")
        except BackendUnavailable:
            pass  # the server has gone, and its kernels with it
        finally:
            self._on_state("dead")
            if self._interrupting is not None:
                self._interrupting.cancel()

    def usage_since(self, before: Accounts | None) -> Usage:
        return Usage()

    def _on_state(self, state: str) -> None:
        """The server restarts a kernel that died; to us it is another one."""
        if state in _GONE and not self._ended.done():
            self._ended.set_result(CodeResult(EXIT_KILLED, output=""))


class NoFiles:
    """A workspace out of reach."""

    def snapshot(self) -> None:
        return None

    def artifacts(self, before: Any) -> tuple[Artifact, ...]:
        return ()

    def write_file(self, path: str, data: bytes) -> None:
        raise UsageError("The files of a kernel behind a server cannot be reached from here.")


class WebSocketLine:
    """Messages as JSON text over a WebSocket of tornado's."""

    def __init__(self, on_message: Listener, on_state: Any) -> None:
        self._on_message = on_message
        self._on_state = on_state
        self._session = uuid4().hex
        self._socket: Any = None

    async def open(self, gateway: Gateway, kernel: str) -> None:
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        url = gateway.channels(kernel, self._session)
        request = HTTPRequest(url, headers=gateway.headers, request_timeout=ANSWER_SECONDS)
        try:
            self._socket = await websocket_connect(
                request, on_message_callback=self._take, max_message_size=2 * MAX_CONTENT
            )
        except Exception as error:  # tornado's own errors, and those of sockets
            raise BackendUnavailable(
                "the Jupyter server", why=str(error), remedy="Is its token right?"
            ) from error

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        request = uuid4().hex
        header = {"msg_id": request, "msg_type": kind, "session": self._session}
        header |= {"username": "sandcrew", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        if self._socket is not None:
            sending = self._socket.write_message(json.dumps({**message, "channel": channel}))
            asyncio.ensure_future(sending).add_done_callback(_look_at)
        return request

    def close(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _take(self, text: str | bytes | None) -> None:
        if text is None:  # closed from there
            self._on_state("dead")
            return
        try:
            message = parse_websocket(text)
        except Malformed:
            self._on_message(None)
            return
        if message.kind == "status":
            self._on_state(str(message.content.get("execution_state")))
        self._on_message(message)


def _look_at(sending: asyncio.Future[Any]) -> None:
    if not sending.cancelled():
        sending.exception()  # the socket is closed, which is told elsewhere
