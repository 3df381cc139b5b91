"""Asking a person at the terminal, so that the wait can be given up."""

import io
import os
import select
import sys
import termios

from .runtime.threads import in_thread
from .terminal_turn import terminal_turn


async def ask_at_terminal(prompt: str) -> str:
    """Show ``prompt`` and give the next line of standard input, without its end.

    Raises
    ------
    EOFError
        Standard input has ended.
    """
    async with terminal_turn():
        print(prompt, end="", flush=True)
        try:
            descriptor = sys.stdin.fileno()
        except (AttributeError, io.UnsupportedOperation):
            # A replaced standard input: a test's, a notebook's.
            line = await in_thread(lambda: str(sys.stdin.readline()))
        else:
            line = await _line_from(descriptor)
    if not line:
        raise EOFError("standard input has ended")
    return line.rstrip("\r\n")


async def _line_from(descriptor: int) -> str:
    """Wait in a thread that can be told to stop, so that it does not eat the next line."""
    wake_read, wake_write = os.pipe()
    try:
        return await in_thread(lambda: _read_line(descriptor, wake_read))
    finally:
        os.close(wake_write)


_buffer = bytearray()


def forget_typed_ahead() -> None:
    """Let nothing that was typed so far answer the next question; pipes have nothing of that."""
    try:
        if sys.stdin.isatty():
            _buffer.clear()
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    except (AttributeError, ValueError, OSError, termios.error):
        pass  # A replaced or closed standard input: nobody types there.


def _read_line(descriptor: int, wake: int) -> str:
    try:
        while b"\n" not in _buffer:
            if wake in select.select([descriptor, wake], [], [])[0]:
                return ""
            data = os.read(descriptor, 65536)
            if not data:
                break
            _buffer.extend(data)
        end = _buffer.find(b"\n") + 1 or len(_buffer)
        line = bytes(_buffer[:end])
        del _buffer[:end]
        return line.decode(errors="replace")
    finally:
        os.close(wake)
