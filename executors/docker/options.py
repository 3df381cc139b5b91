"""What a container is made of, besides the policy."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...sandbox.errors import PolicyError, UsageError
from ...sandbox.host_paths import shown_path

if TYPE_CHECKING:
    from ...sandbox.policy import Policy

WORKSPACE = "/workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """The caller's wishes, checked once.

    Raises
    ------
    UsageError
        One cannot be meant.
    """

    image: str | None = None
    """``None`` for one of ours that is there, or else the official Python."""
    container_name: str | None = None
    auto_remove: bool = True
    stop_container: bool = True
    python: str = "python3"
    """The interpreter, by name or by its path in the image."""
    runtime: str | None = None
    """Such as ``"runsc"`` for gVisor or ``"kata"``; ``None`` for the engine's default."""
    platform: str | None = None
    device_requests: Sequence[Any] = ()
    """``docker.types.DeviceRequest`` objects, such as for GPUs."""
    extra_volumes: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict[str, Mapping[str, str]]
    )
    """Folder of the host, or name of a volume, to ``{"bind": path inside, "mode": "ro"}``."""
    extra_hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    init_command: str | None = None
    bind_dir: str | None = None
    """The workspace as the engine calls it; ``None`` for its name here, if it has one."""

    def __post_init__(self) -> None:
        if self.image is not None and (not self.image or self.image != self.image.strip()):
            raise UsageError(f"image={self.image!r} is not the name of an image.")
        for source, how in self.extra_volumes.items():
            _check_volume(source, how)
        for name in self.labels:
            if name.startswith("sandcrew."):
                raise UsageError(f"labels: {name!r} is ours; choose another name.")

    @property
    def keeps(self) -> bool:
        """True when something is to be there after the end."""
        return not (self.auto_remove and self.stop_container)

    @property
    def writable_volumes(self) -> list[str]:
        """Where code sees volumes that it may write."""
        writable = (how for how in self.extra_volumes.values() if "rw" in mode_of(how).split(","))
        return [how["bind"] for how in writable]

    def new_name(self) -> str:
        return self.container_name or f"sandcrew-{secrets.token_hex(8)}"


def mode_of(volume: Mapping[str, str]) -> str:
    """Read-only unless the caller says otherwise."""
    return volume.get("mode", "ro")


def _check_volume(source: str, how: Mapping[str, str]) -> None:
    if not how.get("bind", "").startswith("/"):
        raise UsageError(f'extra_volumes: write {{{source!r}: {{"bind": "/path", "mode": "ro"}}}}.')
    if source.startswith(("/", ".", "~")):
        try:
            shown_path(source)
        except PolicyError as error:
            raise UsageError(f"extra_volumes: {error}") from None


def check_policy(policy: Policy) -> None:
    """Refuse what a container cannot give.

    Raises
    ------
    PolicyError
        The message says what to use instead.
    """
    if policy.writable is not None:
        raise PolicyError("writable: a container's folder is written whole; the sandbox can do so.")
    if policy.terminals:
        raise PolicyError("terminals: code in a container has none; the sandbox can give them.")
    if policy.packages:
        raise PolicyError(
            "packages: a container has those of its image; build one with them, or take the image "
            "'data' (sandcrew images build data)."
        )
    if policy.python is not None:
        raise PolicyError(
            "python: this is a path of the host; name the interpreter of the image with the "
            "executor's option 'python'."
        )
