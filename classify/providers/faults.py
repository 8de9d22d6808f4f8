"""What went wrong with a call of an OpenAI-compatible endpoint, sorted into what to do about it."""

import email.utils
import time
from collections.abc import Mapping
from typing import Literal, TypeAlias

import openai

from classify.errors import FatalError, ProviderError, RefusedError, TransientError

Outcome: TypeAlias = Literal[
    "ok", "bad-answer", "rate-limited", "server-error", "timeout", "connection", "refused", "fatal", "schema-refused"
]

_LONGEST_MESSAGE = 300


def names_response_format(error: openai.APIError) -> bool:
    """Whether a server refuses structured outputs as such: it names them in a 400, 422 or 500."""
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    said = f"{error.message} {error.body}"
    return status in (400, 422, 500, 501) and ("response_format" in said or "json_schema" in said)


def sort(error: openai.APIError) -> tuple[ProviderError, Outcome]:
    """The error as the rest of the program handles it, and the outcome for `llm_calls`."""
    if isinstance(error, openai.APITimeoutError):
        return TransientError("the endpoint did not answer in time"), "timeout"
    if isinstance(error, openai.APIConnectionError):
        return TransientError(f"no connection to the endpoint: {error.__cause__ or error}"), "connection"
    if not isinstance(error, openai.APIStatusError):
        return TransientError(
            f"the endpoint sent what is no answer: {error.message[:_LONGEST_MESSAGE]}"
        ), "server-error"
    said = f"HTTP {error.status_code}: {error.message[:_LONGEST_MESSAGE]}"
    if error.status_code == 429:
        if error.code == "insufficient_quota" or error.type == "insufficient_quota":
            return FatalError(f"the quota is exhausted: {said}"), "fatal"
        wait = retry_after(error.response.headers)
        return TransientError(said, retry_after=wait, rate_limited=True), "rate-limited"
    if error.status_code in (401, 403):
        return FatalError(f"the endpoint refuses the key: {said}"), "fatal"
    if error.status_code == 404:
        return FatalError(f"the endpoint does not know the model or the path: {said}"), "fatal"
    if error.status_code in (408, 409) or error.status_code >= 500:
        return TransientError(said, retry_after=retry_after(error.response.headers)), "server-error"
    return RefusedError(said), "refused"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date); None when neither says."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    given = headers.get("retry-after", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
