"""A token by which one part of a program tells another to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable


class CancellationToken:
    """Cancels pending calls; may be shared between calls, and cancelled from any thread.

    The name and the methods are AutoGen's. Unlike there, a callback may look at the token, and
    callbacks are taken back when the call they served has ended (:meth:`remove_callback`).
    """

    def __init__(self) -> None:
        self._cancelled = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Cancel; each callback is called once, in the order of registration."""
        with self._lock:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        # Outside the lock, so that a callback may use the token.
        for callback in callbacks:
            callback()

    def is_cancelled(self) -> bool:
        return self._cancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` on cancellation, or at once if that has already happened."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def remove_callback(self, callback: Callable[[], None]) -> None:
        """Forget ``callback``; no error if it is not there any more."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def link_future(self, future: Future[Any]) -> Future[Any]:
        """Cancel ``future`` (on its own event loop) when the token is cancelled."""

        def cancel() -> None:
            future.get_loop().call_soon_threadsafe(future.cancel)

        self.add_callback(cancel)
        future.add_done_callback(lambda _: self.remove_callback(cancel))
        return future
