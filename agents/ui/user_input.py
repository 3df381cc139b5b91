"""Input functions for a person who watches the console."""

from ..runtime import CancellationToken, cancel_scope
from ..user_proxy import AsyncInputFunc, InputFuncType, call_input_func


class UserInputManager:
    """Wraps an input function for agents whose run :func:`Console` shows.

    A run does nothing while the console prints, so the request is on the screen before the
    function is called; there is nothing to wait for, and nothing that could wait forever.
    """

    def __init__(self, callback: InputFuncType) -> None:
        self._callback = callback
        self._shown: list[str] = []

    def get_wrapped_callback(self) -> AsyncInputFunc:
        """The ``input_func`` to give to a :class:`UserProxyAgent`."""

        async def ask(prompt: str, token: CancellationToken | None) -> str:
            with cancel_scope(token):
                return await call_input_func(self._callback, prompt, token)

        return ask

    def notify_event_received(self, request_id: str) -> None:
        """The console has shown a request."""
        self._shown.append(request_id)

    @property
    def requests(self) -> tuple[str, ...]:
        """The ids of the requests shown so far."""
        return tuple(self._shown)
