"""What the engine's failures mean for whoever called, and what to do about them."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from ...sandbox.errors import BackendCrashed, BackendError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_SANDBOX = "Or use the local sandbox, which needs no daemon (--executor sandbox)."


_INTERNAL = 500
_MEANT = (
    ("no such container", 404),
    ("is already in use", 409),
    ("invalid reference format", 400),
    ("repository name must not be", 400),
)
"""What Podman 4.3 calls an internal error, and Docker by the right number."""


def no_engine(address: str, error: BaseException) -> BackendUnavailable:
    """No daemon answers at ``address``, or not to this user."""
    numbers = {getattr(cause, "errno", None) for cause in _causes(error)}
    if numbers & {errno.EACCES, errno.EPERM}:
        return BackendUnavailable(
            "the Docker engine",
            why=f"this user may not talk to it at {address}",
            remedy="Ask for membership in the group of its socket (often 'docker', which amounts "
            "to being root), or run rootless Docker or Podman and name its socket in DOCKER_HOST. "
            + _SANDBOX,
        )
    return BackendUnavailable(
        "the Docker engine",
        why=f"nothing answers at {address} ({_last_words(error)})",
        remedy="Start it (systemctl start docker), or name where it listens in DOCKER_HOST. "
        + _SANDBOX,
    )


def somebody_elses(address: str, uid: int) -> BackendUnavailable:
    """A rootless engine of another user, who so could do here what this user may."""
    return BackendUnavailable(
        f"the engine at {address}",
        why=f"it is the user {uid}'s own, who is not this one",
        remedy="Name one of root's or of this user in DOCKER_HOST. " + _SANDBOX,
    )


def no_image(image: str, error: BaseException | str) -> BackendUnavailable:
    """``image`` is not there and could not be pulled."""
    return BackendUnavailable(
        f"the image {image!r}",
        why=f"it is not there and cannot be pulled ({_last_words(error)})",
        remedy="Check the name, log in to its registry (docker login), or build one of ours: "
        "sandcrew images build base.",
    )


def engine_failed(what: str, error: BaseException) -> BackendError:
    """The engine refused, or went away, while it was asked to do ``what``."""
    if _is_lost(error):
        return BackendCrashed(
            f"The Docker engine went away while it was to {what} ({_last_words(error)}). "
            "Start it again; the next call connects anew."
        )
    return BackendError(f"The Docker engine could not {what}: {_last_words(error)}")


def name_taken(name: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"the container name {name!r}",
        why="another container has it",
        remedy="Choose another container_name, or remove that container yourself "
        f"(docker rm -f {name}).",
    )


def status_of(error: BackendError) -> int | None:
    """The HTTP status with which the engine refused, if it did."""
    status = getattr(error.__cause__, "status_code", None)
    words = str(error)
    meant = (code for text, code in _MEANT if text in words)
    return next(meant, status) if status == _INTERNAL else status


@contextlib.contextmanager
def ignoring(*statuses: int) -> Generator[None]:
    """Take a refusal with one of these HTTP statuses for an answer."""
    try:
        yield
    except BackendError as error:
        if status_of(error) not in statuses:
            raise


def _is_lost(error: BaseException) -> bool:
    return any(isinstance(cause, ConnectionError | FileNotFoundError) for cause in _causes(error))


def _last_words(error: BaseException | str) -> str:
    """The engine's own message: ``explanation`` of an APIError has it without the URL."""
    if isinstance(error, str):
        return error.strip()
    text = getattr(error, "explanation", None) or error
    return str(text).strip().rstrip(".")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all it was raised from; urllib3 and requests put some into ``args``."""
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None))
        pending += [item for item in inner if isinstance(item, BaseException)]
