"""The addresses of a kernel's five sockets and its key: its connection file.

The sockets are Unix sockets, so that a kernel without any network can be talked to. See
"Connection files" and "Wire protocol" in the documentation of jupyter_client.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from typing import Any, Self

from ...sandbox.temporary import make_folder, remove_folder

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the sockets are: at ``{base}-1`` to ``{base}-5``, in the order of CHANNELS."""

    base: str
    key: str

    @classmethod
    def new(cls, base: str, key: str | None = None) -> Self:
        """With a key nobody else knows, unless one is given."""
        return cls(base, key or secrets.token_hex(32))

    def address(self, channel: str) -> str:
        """Where a channel is, as libzmq has it."""
        return f"ipc://{self.base}-{CHANNELS.index(channel) + 1}"

    def info(self) -> dict[str, Any]:
        """The content of a connection file."""
        ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, start=1)}
        return {
            "transport": "ipc",
            "ip": self.base,
            **ports,
            "key": self.key,
            "signature_scheme": "hmac-sha256",
        }

    def file(self) -> str:
        """The text of the connection file."""
        return json.dumps(self.info())


class Rendezvous:
    """A private folder of this host where the sockets of one kernel are found.

    The address of a Unix socket has at most 107 bytes (unix(7)), and a temporary folder may be
    deeper than that. So the folder is named by a descriptor of this process, which every process
    of the same user can follow while this one lives.
    """

    def __init__(self) -> None:
        self.path = make_folder("kernel")
        self._folder = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._held: dict[str, int] = {}

    @property
    def base(self) -> str:
        """The ``base`` of a :class:`Connection` here."""
        return f"/proc/{os.getpid()}/fd/{self._folder}/k"

    @property
    def inner(self) -> str:
        """The ``base`` of another one here, for a kernel behind a relay."""
        return f"{self.base}-in"

    def hold(self, name: str, socket: int) -> None:
        """Let an address, such as ``k-1``, lead to an O_PATH descriptor, which is now ours.

        A kernel that was started again so gets the addresses of the last one.
        """
        link, new = self.path / name, self.path / f"new-{name}"
        new.symlink_to(f"/proc/{os.getpid()}/fd/{socket}")
        new.replace(link)
        last = self._held.pop(name, None)
        self._held[name] = socket
        if last is not None:
            os.close(last)

    def is_there(self, number: int) -> bool:
        """Whether the kernel has made its socket (or :meth:`hold` was told of it)."""
        return (self.path / f"k-{number}").exists()

    def close(self) -> None:
        """Remove it; idempotent."""
        remove_folder(self.path)
        held, self._held = list(self._held.values()), {}
        if self._folder >= 0:
            held.append(self._folder)
            self._folder = -1
        for fd in held:
            os.close(fd)
