"""Patience with the stores: a task waits where it stands until PostgreSQL is back, with what it has in hand.

An answer that was paid for is not thrown away because it cannot be kept this minute; and who waits takes nothing new,
so that neither the pace lets indicators in that nobody can work on, nor thousands of retries fill the queues.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.ending import is_stopping
from tasks.errors import is_transient

T = TypeVar("T")

LONGEST_S = 90.0
"""After it the task is retried like any other: its message waits in the queue instead."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0


def patiently(act: Callable[[], T]) -> T:
    """What `act` gives, once the store that it needs is there; not for what asks an LLM.

    Raises
    ------
    Exception
        What `act` raises: at once when another try cannot help or the worker is asked to stop, else after a while.
    """
    deadline = time.monotonic() + LONGEST_S
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return act()
        except Exception as error:
            if not is_transient(error) or is_stopping() or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(_LONGEST_PAUSE_S, 2 * pause)
