"""The border: what the openai package raises becomes an error of ours, and nothing else leaves."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ....sandbox.errors import BackendCrashed, BackendError, BackendUnavailable

if TYPE_CHECKING:
    from openai import APIStatusError


class StreamCut(BackendCrashed):
    """The server stopped in the middle of its answer."""


def missing_key() -> BackendUnavailable:
    return BackendUnavailable(
        "No key for the model server",
        why="neither api_key nor OPENAI_API_KEY is set",
        remedy="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
    )


@contextmanager
def mapped_errors(model: str, base_url: str) -> Generator[None]:
    """Translate errors of a request.

    Raises
    ------
    BackendUnavailable
        The server cannot be reached, refuses the key, does not have the model, or is overloaded.
    BackendCrashed
        The server answered with nonsense; :class:`StreamCut` if it stopped half-way.
    BackendError
        The server refused the request.
    """
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _refusal(error, model, base_url) from error
    except openai.APITimeoutError as error:
        raise BackendUnavailable(
            f"The model server {base_url}",
            why="it did not answer in time",
            remedy="Try again, or give the client a longer timeout.",
        ) from error
    except openai.APIConnectionError as error:
        raise BackendUnavailable(
            f"No model server at {base_url}",
            why=str(error.__cause__ or error),
            remedy="Check base_url (OPENAI_BASE_URL) and the network.",
        ) from error
    except (openai.OpenAIError, json.JSONDecodeError) as error:
        raise BackendCrashed(f"The model server {base_url} broke off: {error}") from error


def _refusal(error: "APIStatusError", model: str, base_url: str) -> BackendError:
    status, message = error.status_code, _message(error)
    why = f"HTTP {status}, {message}"
    if status in (401, 403):
        return BackendUnavailable(
            f"The model server {base_url} refuses the key",
            why=why,
            remedy="Set OPENAI_API_KEY to a key of this server.",
        )
    if status == 404:
        return BackendUnavailable(
            f"The model server {base_url} has no model {model!r}",
            why=why,
            remedy="Choose another model, or another base_url (OPENAI_BASE_URL).",
        )
    if status == 429 or status >= 500:
        return BackendUnavailable(
            f"The model server {base_url} cannot answer now",
            why=why,
            remedy="Try again later, or raise max_retries.",
        )
    return BackendError(f"The model server {base_url} refused the request: {why}")


def _message(error: "APIStatusError") -> str:
    # What the server says, where it says it as OpenAI does.
    body = error.body
    said = cast("dict[str, object]", body).get("message") if isinstance(body, dict) else None
    return said if isinstance(said, str) else error.message


@contextmanager
def cuts_as_such() -> Generator[None]:
    """Tell an answer that broke off, which can be asked for again, from one that never began."""
    import openai

    try:
        yield
    except openai.APIStatusError:
        raise
    except (openai.OpenAIError, json.JSONDecodeError) as error:
        raise StreamCut(f"the answer broke off: {error.__cause__ or error}") from error
    except Exception as error:
        # Before openai 2.30 errors of the transport passed through a stream as they were.
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpcore", "httpx2"):
            raise
        raise StreamCut(f"the answer broke off: {error}") from error
