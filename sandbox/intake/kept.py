"""What of a cell is kept in the memory of the host: its rich outputs and its value together."""

from __future__ import annotations

MOST = 32 << 20
"""Bytes; what does not fit is left out, or there is only the beginning of its text."""


class Kept:
    """An account of bytes. ``truncated`` says that something did not fit."""

    def __init__(self, most: int = MOST) -> None:
        self.room = most
        self.truncated = False

    def take(self, size: int) -> bool:
        """Count so many bytes; false if there is no room for them."""
        fits = size <= self.room
        if fits:
            self.room -= size
        else:
            self.truncated = True
        return fits
