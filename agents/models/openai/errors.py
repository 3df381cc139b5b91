"""The border: what the openai package raises becomes an error of ours, and nothing else leaves."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast

from ....sandbox.errors import BackendCrashed, BackendError, BackendUnavailable
from ..errors import ContextTooLong, ModelBusy

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
    ModelBusy
        The server cannot be reached, does not answer in time, or is overloaded.
    BackendUnavailable
        The server refuses the key, or does not have the model.
    ContextTooLong
        The prompt does not fit into the model's window.
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
        raise ModelBusy(
            f"The model server {base_url}",
            why="it did not answer in time",
            remedy="Try again, or give the client a longer timeout.",
        ) from error
    except openai.APIConnectionError as error:
        raise ModelBusy(
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
    if error.code == "insufficient_quota":
        return BackendUnavailable(
            f"The model server {base_url} wants to be paid first",
            why=why,
            remedy="Check the credit of the account that the key belongs to.",
        )
    if status in (408, 409, 429) or status >= 500:
        return ModelBusy(
            f"The model server {base_url} cannot answer now",
            why=why,
            remedy="Try again later, or raise max_retries.",
            retry_after=_retry_after(error),
        )
    if error.code == "context_length_exceeded" or "maximum context length" in message:
        return ContextTooLong(
            f"The conversation does not fit into the window of {model!r}: {why}. Give the agent a "
            "model_context that shows less."
        )
    return BackendError(f"The model server {base_url} refused the request: {why}")


def _retry_after(error: "APIStatusError") -> float | None:
    """Seconds, of a number or of a date."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (then - datetime.now(UTC)).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


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
