"""Which indicators have a message anywhere in Redis: waiting in a queue, or in a worker's hands.

An indicator without one is lost, however short or long ago it moved; one that has is none of the reconciler's business,
however long it waits. So this looks, and does not guess from times.
"""

from collections.abc import Iterable
from typing import Any

from redis import Redis

from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from tasks.leases import UNACKED
from tasks.messages import owner_in

_CHUNK = 500
"""Messages a round trip, of some KB each."""

Owner = tuple[str, str]
"""A run's id and an indicator's."""


def message_count(redis: Redis) -> int:
    """Messages in Redis; at least as many as there are unfinished indicators when nothing is lost."""
    with redis.pipeline() as pipe:
        pipe.llen(ADMISSION_QUEUE)
        pipe.llen(STAGES_QUEUE)
        pipe.hlen(UNACKED)
        return sum(pipe.execute())


def owners(redis: Redis) -> set[Owner]:
    """The run and the indicator of every message.

    A message moves from the admission queue to a worker and on to the stages' queue; so the admission queue, which may
    be long, is read first and bit by bit, and the rest after it, at one moment. What moves the other way at this very
    time, or is on the wire from Redis to a worker, is overlooked: look twice.
    """
    found: set[Owner] = set()
    start = 0
    while chunk := redis.lrange(ADMISSION_QUEUE, start, start + _CHUNK - 1):
        found |= _owners_in(chunk)
        start += len(chunk)
    with redis.pipeline() as pipe:
        pipe.lrange(STAGES_QUEUE, 0, -1)
        pipe.hvals(UNACKED)
        stages, unacked = pipe.execute()
    return found | _owners_in(stages) | _owners_in(unacked)


def _owners_in(messages: Iterable[Any]) -> set[Owner]:
    return {owner for message in messages if (owner := owner_in(message))}
