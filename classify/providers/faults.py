"""What went wrong with a call of an OpenAI-compatible endpoint, sorted into what to do about it."""

import email.utils
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import openai

from classify.errors import FatalError, ProviderError, RefusedError, TransientError

Outcome: TypeAlias = Literal[
    "ok", "bad-answer", "rate-limited", "server-error", "timeout", "connection", "refused", "fatal", "schema-refused"
]

_LONGEST_MESSAGE = 300
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_SETTINGS = frozenset({"model", "reasoning_effort", "service_tier"})
"""Parameters that are the same for every question: what is wrong with one is wrong with all."""


def names_response_format(error: openai.APIError) -> bool:
    """Whether a server refuses structured outputs as such: it names them in a 400, 422 or 500."""
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    said = f"{error.message} {error.body}"
    return status in (400, 422, 500, 501) and ("response_format" in said or "json_schema" in said)


def sort(error: openai.APIError, cleaned: Callable[[str], str] = str) -> tuple[ProviderError, Outcome]:
    """The error as the rest of the program handles it, and the outcome for `llm_calls`.

    Parameters
    ----------
    cleaned
        Takes out of a text of the endpoint's what must not be shown.
    """
    if isinstance(error, openai.APITimeoutError):
        return TransientError("the endpoint did not answer in time"), "timeout"
    if isinstance(error, openai.APIConnectionError):
        cause = _in_one_line(cleaned(str(error.__cause__ or error)))
        return TransientError(f"no connection to the endpoint: {cause}"), "connection"
    if not isinstance(error, openai.APIStatusError):
        return TransientError("the endpoint sent what is no answer"), "server-error"
    said = f"HTTP {error.status_code}: {_in_one_line(cleaned(_message_of(error)))}"
    wait = retry_after(error.response.headers)
    if error.status_code == 402 or _NO_MONEY & {error.code, error.type}:
        return FatalError(f"the quota is exhausted: {said}"), "fatal"
    if error.status_code == 429:
        return TransientError(said, retry_after=wait, rate_limited=True), "rate-limited"
    if error.status_code in (401, 403):
        return FatalError(f"the endpoint refuses the key: {said}"), "fatal"
    if error.status_code == 404:
        return FatalError(f"the endpoint does not know the model or the path: {said}"), "fatal"
    if error.status_code in (408, 409, 425) or error.status_code >= 500:
        return TransientError(said, retry_after=wait), "server-error"
    if error.param in _SETTINGS:
        return FatalError(f"the endpoint refuses the setting {error.param}: {said}"), "fatal"
    return RefusedError(said), "refused"


def _message_of(error: openai.APIStatusError) -> str:
    """What the server says: OpenAI's `{"error": {"message": …}}`, or what others make of it."""
    body: Any = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    return str(body or error.message)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date); None when neither says."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
