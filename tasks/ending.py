"""The end of a worker that was asked to stop: a question that has no answer by then goes back to its queue unanswered.

What is cut short is only the waiting for an answer. Who has one keeps it and hands the chain on, so nobody else asks
the same again; what a call costs that had no time to be answered is all that a stop can cost.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from celery.worker import state
from greenlet import getcurrent, greenlet

from tasks.leases import AWAY, leases

_asking: set[greenlet] = set()


class CutShort(BaseException):  # no error, and none that a library on the way may take for one
    """Raised where a task waits for its answer, when the worker must not wait any longer."""


def is_stopping() -> bool:
    """Whether this worker was asked to stop."""
    return state.should_stop is not None or state.should_terminate is not None


@contextmanager
def asking() -> Iterator[None]:
    """What may be cut short: the time between a question and its answer.

    Raises
    ------
    CutShort
        When the worker is asked to stop already, or when the time that it has left is over.
    """
    if is_stopping():
        raise CutShort
    here = getcurrent()
    _asking.add(here)
    try:
        yield
    finally:
        _asking.discard(here)


def cut_short() -> int:
    """Cut short every question that waits for its answer in this process, whose pool is a green one; how many."""
    import gevent  # a worker has it loaded; commands, which import this along with the app, have no use for it

    waiting = [*_asking]
    for one in waiting:
        gevent.kill(one, CutShort)
    return len(waiting)


def hand_back(request: Any) -> None:
    """Put the message of a task that was cut short back to the front of its queue."""
    own = request.properties["delivery_tag"]
    with suppress(*AWAY):  # then others take it when its lease has expired
        leases().hand_back(lambda tag: tag == own)
