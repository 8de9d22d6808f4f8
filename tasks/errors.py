"""Which errors are worth another try."""

import random

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

LONGEST_RETRY_S = 20
"""Seconds; well below the visibility timeout, so that a waiting retry is never delivered a second time."""


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed a little later: the database was away, or the pool was busy."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | PoolTimeoutError | ConnectionError)


def retry_delay(attempt: int) -> float:
    """Seconds before try number `attempt + 1`: exponential, with jitter, so that a crowd does not return as one."""
    return random.uniform(0.5, min(LONGEST_RETRY_S, 2.0 ** (attempt + 1)))
