"""What an interrupt (SIGINT) does in a session: it ends the cell that runs, and nothing else."""

from __future__ import annotations

import _thread
import contextlib
from typing import TYPE_CHECKING, Any, Generator

from .bare import signal

if TYPE_CHECKING:
    from .channel import Channel


def is_called_off(channel: Channel, cell: dict[str, Any]) -> bool:
    """True if the host interrupted this cell before it began.

    To be asked once the signal counts for this cell: if the host says so later, its signal is
    later still.
    """
    frame = channel.take()
    return frame is not None and (frame[0]["op"], frame[0]["id"]) == ("interrupt", cell["id"])


class Interrupts:
    """Raises ``KeyboardInterrupt`` in a cell, never in the midst of a frame or between cells.

    A signal mask would not do: the kernel then gives the signal to another thread, and Python
    raises in the main one all the same.
    """

    def __init__(self) -> None:
        self._main = _thread.get_ident()
        self._begun = False
        self._running = False
        self._held = False
        self._waiting = False

    def listen(self) -> None:
        """A cell begins; the one before may have put another handler in this place."""
        signal.signal(signal.SIGINT, self._on_signal)
        self._begun, self._waiting = True, False

    def call_off(self) -> None:
        """The cell that has begun is not to run."""
        self._waiting = True

    @contextlib.contextmanager
    def allowed(self) -> Generator[None, None, None]:
        """They end what runs in here, also one that came since :meth:`listen`."""
        self._running = True
        try:
            if self._waiting:
                raise KeyboardInterrupt
            yield
        finally:
            self._running = self._begun = False

    @contextlib.contextmanager
    def held(self) -> Generator[None, None, None]:
        """One that comes meanwhile waits for the end of this."""
        if self._held or _thread.get_ident() != self._main:  # handlers run in the main thread only
            yield
            return
        self._held, self._waiting = True, False
        try:
            yield
        finally:
            self._held = False
        if self._waiting and self._running:
            raise KeyboardInterrupt

    def leave_to_parent(self) -> None:
        """In a child that a cell has forked: they do what they do in any program."""
        if signal.getsignal(signal.SIGINT) == self._on_signal:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, *_: object) -> None:
        if self._running and not self._held:
            raise KeyboardInterrupt
        self._waiting = self._begun
