"""Which errors are worth another try."""

import random

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from classify.errors import HeldBackError, TransientError

LONGEST_RETRY_S = 20
"""Seconds. Who waits for a retry has its message leased: see `tasks.leases`."""
MOST_TRIES = 100
"""Of one stage: a quarter of an hour at the least. What fails for so long fails because of this question."""

_TRANSIENT = (
    TransientError,
    OperationalError,
    PoolTimeoutError,
    ConnectionError,
    RedisConnectionError,
    RedisTimeoutError,
    BrokerError,
)


def is_transient(error: Exception, tries: int = 0) -> bool:
    """Whether the same may succeed a little later: the LLM was busy, a store away, a pool of connections used up.

    Parameters
    ----------
    tries
        How often it was tried again already; who is merely asked to wait may do so for ever.
    """
    waits = isinstance(error, HeldBackError) or (isinstance(error, TransientError) and error.rate_limited)
    if isinstance(error, TransientError) and not waits and tries >= MOST_TRIES:
        return False
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, _TRANSIENT)


def retry_delay(attempt: int, error: Exception) -> float:
    """Seconds before try number `attempt + 1`.

    What the endpoint asks for goes first; else exponential. Always with jitter: a crowd must not return as one.
    """
    asked = error.retry_after if isinstance(error, TransientError) else None
    if asked is not None:
        return min(LONGEST_RETRY_S, asked + random.uniform(0, 1 + asked / 4))
    return random.uniform(0.5, min(LONGEST_RETRY_S, 2.0 ** (attempt + 1)))
