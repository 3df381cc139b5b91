"""How the proxy says no."""

from __future__ import annotations


class Refused(Exception):
    """The end of a guest's connection, with what to tell the guest and the receipt.

    Parameters
    ----------
    reason:
        One clause, without a full stop; ASCII, safe to print.
    status:
        The HTTP status that says it: 403 for what is not allowed, 4xx for what is malformed,
        5xx for what is allowed but cannot be had.
    remedy:
        What would have to change, as sentences.

    Attributes
    ----------
    host, port:
        What the guest wanted, as printable text; whoever knows it fills it in.
    """

    def __init__(self, reason: str, *, status: int = 403, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.remedy = remedy
        self.host = ""
        self.port: int | None = None


class Malformed(Refused):
    """Bytes that follow no protocol spoken here, or follow it in two ways at once."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(reason, status=status)


class Unreachable(Refused):
    """An allowed host that does not answer; the policy has no part in it."""

    def __init__(self, reason: str, *, status: int = 502) -> None:
        super().__init__(reason, status=status)
