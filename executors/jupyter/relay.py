"""Stands between a confined kernel and a front end, which would run what the kernel displays.

A front end trusts what a cell shows that its user has just run: scripts in it run in its page,
with the rights of its user, who may start kernels that are not confined. So what kernels say is
taken in (:mod:`~sandcrew.sandbox.intake.kernel_messages`) and written anew. It is taken from the
kernel one message at a time, and only when there is room for it: the rest waits in the kernel.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq

from .relayed import RelayedMessages

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection

_FRONT = {"shell": zmq.ROUTER, "iopub": zmq.XPUB, "stdin": zmq.ROUTER, "control": zmq.ROUTER}
_BACK = {"shell": zmq.DEALER, "iopub": zmq.XSUB, "stdin": zmq.DEALER, "control": zmq.DEALER}
_STOP = "inproc://stop"

RELAYED = tuple(_FRONT)
"""The channels that go through it; heartbeats have nothing to be filtered."""
MAX_MESSAGE = {"iopub": 128 << 20}
"""Bytes of a message that are taken from a kernel, by channel: it may print much at once. For a
larger one libzmq drops the connection, and makes it anew."""
MAX_OTHER = 32 << 20
QUEUE = 4
"""Messages that wait for a front end that does not read."""
PATIENCE = 5.0
"""Seconds for which such a front end is waited for: it may not keep others from theirs."""
_TRY_AGAIN = 2
"""Milliseconds."""


class Relay:
    """Passes messages between sockets it makes at ``front`` and the kernel's at ``back``.

    It works in a thread, for a front end may let its event loop stand still. A kernel that is
    started again gets a new one at the same addresses.
    """

    def __init__(self, front: Connection, back: Connection) -> None:
        self._messages = RelayedMessages(front.key.encode())
        self._context = zmq.Context()
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind(_STOP)
        pairs = [self._pair(front, back, channel) for channel in RELAYED]
        self._thread = threading.Thread(target=self._run, args=(pairs,), daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once nothing is passed on any more."""
        return self._thread.is_alive()

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
        here.linger = there.linger = 0
        here.sndhwm = QUEUE
        there.rcvhwm = 1
        there.maxmsgsize = MAX_MESSAGE.get(channel, MAX_OTHER)
        if _FRONT[channel] == zmq.ROUTER:
            # As ipykernel has it: a front end that comes again under its name is the one meant.
            here.router_handover = 1
            here.router_mandatory = 1
        else:
            here.xpub_nodrop = 1
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
        ways = [_Way(here, there, list) for here, there in pairs]
        ways += [_Way(there, here, self._messages.relayed, PATIENCE) for here, there in pairs]
        try:
            while not _stopped(stop, ways):
                for way in ways:
                    way.go_on()
        finally:
            for socket in (stop, *(way.source for way in ways)):
                socket.close(linger=0)


class _Way:
    """From one socket to another, one message at a time.

    Parameters
    ----------
    change:
        What becomes of a message; ``None`` for one that is not passed on.
    patience:
        Seconds for which the target may have no room, before what it does not take is dropped;
        for ever without.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        change: Callable[[list[bytes]], list[bytes] | None],
        patience: float | None = None,
    ) -> None:
        self.source = source
        self.waiting: list[bytes] | None = None
        """What the target has no room for yet."""
        self._target = target
        self._change = change
        self._patience = patience
        self._full_since: float | None = None

    def go_on(self) -> None:
        """Pass on what there is."""
        if self.waiting is None:
            try:
                self.waiting = self._change(self.source.recv_multipart(zmq.NOBLOCK))
            except zmq.ZMQError:
                return
        if self.waiting is not None:
            self._send(self.waiting)

    def _send(self, frames: list[bytes]) -> None:
        try:
            self._target.send_multipart(frames, zmq.NOBLOCK)
            self._full_since = None
        except zmq.Again:
            now = time.monotonic()
            self._full_since = self._full_since or now
            if self._patience is None or now - self._full_since < self._patience:
                return
        except zmq.ZMQError:
            pass  # it was for somebody who has gone
        self.waiting = None


def _stopped(stop: Any, ways: list[_Way]) -> bool:
    """Wait until there is something to do; whether that is to stop."""
    sources = [way.source for way in ways if way.waiting is None]
    timeout = -1 if len(sources) == len(ways) else _TRY_AGAIN
    ready = zmq.zmq_poll([(socket, zmq.POLLIN) for socket in (stop, *sources)], timeout)
    return any(socket is stop for socket, _ in ready)
