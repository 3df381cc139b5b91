"""Messages of a confined kernel, as its front end may have them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from ...sandbox.intake import LeftOut
from ...sandbox.intake.kernel_messages import read_content, read_header, safe_content, without
from .messages import DELIMITER, MAX_CONTENT, Malformed, long_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_RELAYED = MAX_CONTENT
"""Bytes of content that are passed on."""


class RelayedMessages:
    """Reads what a kernel sent, and writes and signs it anew.

    Parameters
    ----------
    key:
        That of the connection.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def relayed(self, frames: Sequence[bytes]) -> list[bytes] | None:
        """The frames of the message for the front end; ``None`` for none."""
        try:
            start = [*frames[:8]].index(DELIMITER) + 1
            _, header, parent, _, content = frames[start : start + 5]
        except ValueError:
            return None
        told = read_header(header)
        kind = told.get("msg_type", "")
        made = _content(kind, content)
        if made is None or "msg_id" not in told:
            return None
        parts: list[Any] = [told, read_header(parent), {}, made]
        body = [json.dumps(part).encode() for part in parts]
        signature = hmac.new(self._key, b"".join(body), hashlib.sha256).hexdigest().encode()
        return [*frames[:start], signature, *body]


def _content(kind: str, content: bytes) -> dict[str, Any] | None:
    try:
        made = _taken(kind, content)
        if not isinstance(made, LeftOut) and len(json.dumps(made)) > MAX_RELAYED:
            made = LeftOut(f"it has more than {MAX_RELAYED:,} characters")
    except Exception as error:  # a bug of ours must not make a kernel fall silent
        made = LeftOut(f"reading it failed ({type(error).__name__})")
    return without(kind, made) if isinstance(made, LeftOut) else made


def _taken(kind: str, content: bytes) -> dict[str, Any] | LeftOut:
    value = read_content(content)
    if isinstance(value, LeftOut):
        if kind != "stream":
            return value
        try:
            value = long_stream(content)
        except Malformed as error:
            return LeftOut(str(error))
    return safe_content(kind, value)
