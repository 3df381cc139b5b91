"""Stands between a confined kernel and a front end, which would run what the kernel displays.

A front end trusts what a cell shows that its user has just run: scripts in it run in its page,
with the rights of its user, who may start kernels that are not confined. So what kernels say is
passed on with values made static (:mod:`~sandcrew.executors.safe_outputs`), and without widgets.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import zmq

from ..safe_outputs import safe_forms
from .messages import MAX_CONTENT, MAX_MESSAGE, too_deep

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection

_DELIMITER = b"<IDS|MSG>"
_FRONT = {"shell": zmq.ROUTER, "iopub": zmq.XPUB, "stdin": zmq.ROUTER, "control": zmq.ROUTER}
_BACK = {"shell": zmq.DEALER, "iopub": zmq.XSUB, "stdin": zmq.DEALER, "control": zmq.DEALER}
_STOP = "inproc://stop"

RELAYED = tuple(_FRONT)
"""The channels that go through it; heartbeats have nothing to be filtered."""


class Relay:
    """Passes messages between sockets it makes at ``front`` and the kernel's at ``back``.

    It works in a thread, for a front end may let its event loop stand still. A kernel that is
    started again gets a new one at the same addresses.
    """

    def __init__(self, front: Connection, back: Connection) -> None:
        self._key = front.key.encode()
        self._context = zmq.Context()
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind(_STOP)
        pairs = [self._pair(front, back, channel) for channel in RELAYED]
        self._thread = threading.Thread(target=self._run, args=(pairs,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and close all sockets."""
        with suppress(zmq.ZMQError):
            self._stop.send(b"", zmq.NOBLOCK)
        self._thread.join(5)
        self._stop.close(linger=0)
        self._context.term()

    def _pair(self, front: Connection, back: Connection, channel: str) -> tuple[Any, Any]:
        here: Any = self._context.socket(_FRONT[channel])
        there: Any = self._context.socket(_BACK[channel])
        for socket in (here, there):
            socket.linger = 0
            socket.maxmsgsize = MAX_MESSAGE
        if _FRONT[channel] == zmq.ROUTER:
            # As ipykernel has it: a front end that comes again under its name is the one meant.
            here.router_handover = 1
        there.reconnect_ivl = 10
        if channel != "iopub":
            # One name for all three: a kernel asks on stdin whoever asked it on shell.
            there.identity = b"sandcrew"
        here.bind(front.address(channel))
        there.connect(back.address(channel))
        return here, there

    def _run(self, pairs: list[tuple[Any, Any]]) -> None:
        stop = self._context.socket(zmq.PAIR)
        stop.connect(_STOP)
        poller = zmq.Poller()
        routes: dict[Any, tuple[Any, Callable[[list[bytes]], list[bytes] | None]]] = {}
        for here, there in pairs:
            routes[here] = (there, lambda frames: frames)
            routes[there] = (here, self._harmless)
        for socket in (stop, *routes):
            poller.register(socket, zmq.POLLIN)
        try:
            while True:
                ready = dict(poller.poll())
                if stop in ready:
                    return
                for source in ready:
                    target, change = routes[source]
                    with suppress(zmq.ZMQError):
                        frames = change(source.recv_multipart(zmq.NOBLOCK))
                        if frames is not None:
                            target.send_multipart(frames, zmq.NOBLOCK)
        finally:
            for socket in (stop, *routes):
                socket.close(linger=0)

    def _harmless(self, frames: list[bytes]) -> list[bytes] | None:
        """The message as a front end may have it; ``None`` for none."""
        try:
            start = frames.index(_DELIMITER, 0, 8) + 1
            _, header, parent, metadata, content = frames[start : start + 5]
            kind = json.loads(header)["msg_type"]
            change = _CHANGES.get(kind)
            if change is not None:
                changed = change(_object(content))
                if changed is None:
                    return None
                content = json.dumps(changed).encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        body = [header, parent, metadata, content]
        signature = hmac.new(self._key, b"".join(body), hashlib.sha256).hexdigest().encode()
        return [*frames[:start], signature, *body]


def _object(content: bytes) -> dict[str, Any]:
    value = json.loads(content) if len(content) <= MAX_CONTENT else None
    if not isinstance(value, dict) or too_deep(cast("object", value)):
        raise ValueError("not the content of a message")
    return cast("dict[str, Any]", value)


def _value(content: dict[str, Any]) -> dict[str, Any]:
    data = content.get("data")
    forms = safe_forms(cast("dict[str, Any]", data)) if isinstance(data, dict) else {}
    return {**content, "data": forms or {"text/plain": "[left out]"}, "metadata": {}}


def _reply(content: dict[str, Any]) -> dict[str, Any]:
    """What a reply asks a front end to show or to do."""
    pages = content.get("payload")
    items = cast("list[object]", pages) if isinstance(pages, list) else []
    shown = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
    kept = [_value(item) for item in shown if item.get("source") == "page"]
    kept += [item for item in shown if item.get("source") in ("ask_exit", "set_next_input")]
    return {**content, "payload": kept, "user_expressions": {}}


def _info(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "help_links": []}


def _nothing(content: dict[str, Any]) -> None:
    return None


_CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "display_data": _value,
    "update_display_data": _value,
    "execute_result": _value,
    "inspect_reply": _value,
    "execute_reply": _reply,
    "kernel_info_reply": _info,
    "comm_open": _nothing,
    "comm_msg": _nothing,
    "comm_close": _nothing,
}
