"""Asking again for a stream that was cut, without saying anything twice."""

import asyncio
from collections.abc import Iterator

from ....sandbox.errors import BackendCrashed
from .errors import StreamCut

_FIRST_DELAY, _MAX_DELAY = 0.25, 8.0  # seconds
_NOTICE = "\n\n[The connection was lost; the answer starts again.]\n\n"


class Restarts:
    """Counts the attempts, and holds back the text a new one repeats."""

    def __init__(self, max_restarts: int) -> None:
        self._max = max_restarts
        self._count = 0
        self._shown = ""
        self._heard = ""
        self._repeating = False

    async def again(self, cut: StreamCut) -> None:
        """Wait before the next attempt, longer each time.

        Raises
        ------
        BackendCrashed
            There have been enough.
        """
        if self._count >= self._max:
            raise BackendCrashed(
                f"The model server broke off {self._count + 1} times: {cut}"
            ) from cut
        await asyncio.sleep(min(_FIRST_DELAY * 2**self._count, _MAX_DELAY))
        self._count += 1
        self._heard, self._repeating = "", bool(self._shown)

    def unseen(self, piece: str) -> Iterator[str]:
        """What of ``piece`` the reader has not seen yet."""
        if not self._repeating:
            self._shown += piece
            yield piece
            return
        self._heard += piece
        if self._shown.startswith(self._heard):
            return
        self._repeating = False
        if self._heard.startswith(self._shown):
            yield self._heard[len(self._shown) :]
        else:
            yield _NOTICE + self._heard
        self._shown = self._heard
