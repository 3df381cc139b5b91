"""Blocking functions of the user, called so that nothing has to wait for them."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def is_async(func: Callable[..., object]) -> bool:
    """True for coroutine functions, and for objects that are called like one."""
    call = getattr(func, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(call)


async def in_thread(func: Callable[[], T]) -> T:
    """The result of ``func``, called in a thread of its own.

    When this wait is cancelled the thread is left alone: it is a daemon, so that unlike one of
    :func:`asyncio.to_thread` it keeps neither the event loop nor the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if isinstance(error, StopIteration):
            # A future refuses it, and whoever waits would wait for ever.
            error = RuntimeError("the function raised StopIteration")
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # pyright: ignore

    def call() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = func()
        except BaseException as caught:
            error = caught
        with suppress(RuntimeError):  # The loop was closed meanwhile: nobody waits any more.
            loop.call_soon_threadsafe(deliver, result, error)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(call,), daemon=True, name="sandcrew-input").start()
    return await future
