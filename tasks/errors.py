"""Which errors are worth another try."""

import random

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from classify.errors import TransientError

LONGEST_RETRY_S = 20
"""Seconds; well below the visibility timeout, so that a waiting retry is never delivered a second time."""


def is_transient(error: Exception) -> bool:
    """Whether the same may succeed a little later: the LLM was busy, the database away, its pool used up."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, TransientError | OperationalError | PoolTimeoutError | ConnectionError)


def retry_delay(attempt: int, error: Exception) -> float:
    """Seconds before try number `attempt + 1`.

    What the endpoint asks for goes first; else exponential. Always with jitter: a crowd must not return as one.
    """
    asked = error.retry_after if isinstance(error, TransientError) else None
    if asked is not None:
        return min(LONGEST_RETRY_S, asked + random.uniform(0, 1 + asked / 4))
    return random.uniform(0.5, min(LONGEST_RETRY_S, 2.0 ** (attempt + 1)))
