"""``signal`` and ``socket`` as the interpreter itself has them, without the classes around.

Those turn numbers into members of enumerations at each call, and what they touch for it is shared
with the zygote: 50 pages more that each guest would copy, and 5 ms more of each start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal as signal
    import socket as socket
else:
    import _signal as signal  # noqa: F401
    import _socket as socket  # noqa: F401
