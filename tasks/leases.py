"""Leases: who has which message in hand, renewed for as long as he lives, and taken back when he does not.

kombu notes a delivered message in Redis (`unacked`, and the time in `unacked_index`) and takes for dead who has not
acknowledged it within the visibility timeout. So a slow call of an LLM would be delivered twice, or the timeout be
long and a dead worker's indicators wait for it. Here the time is renewed while the process lives, hence the timeout
is short; the clock is the server's, hence hosts may disagree about the time. Keys and entries are kombu's own.

Nothing here hangs on the connection that a message came over: after a restart of Redis, tasks that ran on are
acknowledged as if nothing had been, and entries that Redis has forgotten are written again.
"""

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from config.celery import ADMISSION_QUEUE
from config.settings import settings
from tasks.clients import redis_client
from tasks.messages import owner_of, restored
from tasks.pace import pace

log = logging.getLogger(__name__)

UNACKED, INDEX = "unacked", "unacked_index"
BATCH = 200
"""Messages a round trip."""
MOST_RESTORED = 1000
"""Messages of dead workers taken back at a time."""
AWAY = (RedisConnectionError, RedisTimeoutError)
"""What a Redis that is away, or still reading its file, answers with."""

_TAKE = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, ARGV[1])
"""
_RENEW = """
local now = redis.call('TIME')
local gone = {}
for _, tag in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], tag) == 1 then
    redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, tag)
  else
    gone[#gone + 1] = tag
  end
end
return gone
"""
_EXPIRED = """
local now = redis.call('TIME')
local found = {}
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now[1] - ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local entry = redis.call('HGET', KEYS[1], tag)
  if entry then
    found[#found + 1] = {tag, entry}
  else
    redis.call('ZREM', KEYS[2], tag)
  end
end
return found
"""
# The lease goes when the next message is there, and not a moment before.
_HAND_ON = """
redis.call('LPUSH', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
"""
# The same, where the next message stays in the hands that had this one.
_CARRY_ON = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
"""
# Whoever takes the entry out is the one who puts the message back; a lease renewed in between stays.
_RESTORE = """
local now = redis.call('TIME')
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if score and now[1] - score < tonumber(ARGV[3]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[2])
return 1
"""


class Leases:
    """The messages that this process has in hand.

    Safe to use from several threads and greenlets. A Redis that is away is no error to those who take and acknowledge:
    what could not be written is written at the next `renew`.

    Parameters
    ----------
    redis
        A client of the broker.
    timeout_s
        Seconds after which a lease that was not renewed has expired.
    """

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis = redis
        self._timeout_s = timeout_s
        self._held: dict[str, str] = {}
        self._done: set[str] = set()
        self._since: float | None = None
        self._take = redis.register_script(_TAKE)
        self._hand_on = redis.register_script(_HAND_ON)
        self._carry_on = redis.register_script(_CARRY_ON)
        self._renew = redis.register_script(_RENEW)
        self._expired = redis.register_script(_EXPIRED)
        self._restore = redis.register_script(_RESTORE)

    @property
    def held(self) -> frozenset[str]:
        """Delivery tags of what is in hand."""
        return frozenset(self._held)

    def has(self, tag: str) -> bool:
        """Whether a message is in hand."""
        return tag in self._held

    def take(self, tag: str, raw: Mapping[str, Any], exchange: str, routing_key: str) -> None:
        """Note a message that has just arrived."""
        self._held[tag] = _entry(raw, exchange, routing_key)
        try:
            self._take(keys=[UNACKED, INDEX], args=[tag, self._held[tag]])
        except AWAY:
            log.info("Redis is away: a lease is written later")

    def hand_on(self, tag: str, queue: str, message: str) -> None:
        """Put what follows from a message in hand into its queue, and let go of the message, at one moment.

        So whoever dies does so before or after it, and the next stage is not sent off twice.

        Raises
        ------
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError
            When Redis is away; the message is still in hand.
        """
        self._hand_on(keys=[UNACKED, INDEX, queue], args=[tag, message])
        self._held.pop(tag, None)

    def carry_on(self, tag: str, following: Mapping[str, Any]) -> None:
        """Take what follows from a message in hand, and let go of that one, at one moment; else as `hand_on`.

        Parameters
        ----------
        following
            The message, which has not been in any queue.
        """
        properties = following["properties"]
        delivery, own = properties["delivery_info"], properties["delivery_tag"]
        entry = _entry(following, delivery["exchange"], delivery["routing_key"])
        self._carry_on(keys=[UNACKED, INDEX], args=[tag, own, entry])
        self._held[own] = entry
        self._held.pop(tag, None)

    def acknowledge(self, tag: str) -> None:
        """Let go of a message that is done with, for good."""
        if self._held.pop(tag, None) is None:  # handed on, or handed back: then it is somebody else's
            return
        self._done.add(tag)
        try:
            self._forget([tag])
        except AWAY:
            log.info("Redis is away: a message is acknowledged later")

    def _forget(self, tags: Collection[str]) -> None:
        with self._redis.pipeline() as pipe:
            pipe.zrem(INDEX, *tags)
            pipe.hdel(UNACKED, *tags)
            pipe.execute()
        self._done.difference_update(tags)

    def renew(self, overdue: Collection[str] = ()) -> None:
        """Renew every lease but those `overdue`, and write what a Redis that was away has missed.

        Raises
        ------
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError
            When Redis is away.
        """
        try:
            for tags in _batches(self._done.copy()):
                self._forget(tags)
            for tags in _batches(self._held.keys() - overdue):
                gone = self._renew(keys=[UNACKED, INDEX], args=tags)
                for tag in map(_text, gone):
                    self._write_again(tag)
        except AWAY:
            self._since = None
            raise
        if self._since is None:
            self._since = time.monotonic()

    def _write_again(self, tag: str) -> None:
        entry = self._held.get(tag)
        if entry is None:
            return
        self._take(keys=[UNACKED, INDEX], args=[tag, entry])
        if tag not in self._held:  # acknowledged just now, before it was written
            self._forget([tag])

    def hand_back(self, wanted: Callable[[str], bool] = lambda _: True, *, after_a_crash: bool = False) -> int:
        """Put messages in hand back to the front of their queues, for others to take at once; how many.

        Parameters
        ----------
        wanted
            Which, by delivery tag.
        after_a_crash
            Whether a process died over them.

        Raises
        ------
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError
            When Redis is away; what was not put back is still in hand.
        """
        count = 0
        for tag, entry in reversed([*self._held.items()]):  # the first taken ends up in front
            if wanted(tag) and tag in self._held:
                count += self._put_back(tag, entry, older_than_s=-1, after_a_crash=after_a_crash)
                self._held.pop(tag, None)
        return count

    def restore_expired(self) -> int:
        """Put messages whose lease has expired back to the front of their queues, the oldest first; how many.

        At most `MOST_RESTORED`, so that who does it comes to renew his own in between; where there may be more, call
        again. Two at once do no harm. Nothing is expired before this process has been in touch with Redis for a whole
        timeout: when Redis comes back, or starts again, the living must first have the chance to renew.

        Raises
        ------
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError
            When Redis is away.
        """
        if self._since is None or time.monotonic() - self._since < self._timeout_s:
            return 0
        found = self._expired(keys=[UNACKED, INDEX], args=[self._timeout_s, MOST_RESTORED])
        # The oldest is pushed last, and so is the first to be taken.
        return sum(
            self._put_back(_text(tag), _text(entry), older_than_s=self._timeout_s, after_a_crash=True)
            for tag, entry in reversed(found)
        )

    def _put_back(self, tag: str, entry: str, *, older_than_s: float, after_a_crash: bool) -> int:
        raw, _, queue = json.loads(entry)
        owner = owner_of(raw["headers"].get("root_id"))
        if queue == ADMISSION_QUEUE and owner:
            # It has to be admitted again, and must not stand in its own way.
            pace().left(owner[1])
        message = json.dumps(restored(raw, after_a_crash=after_a_crash))
        done = self._restore(keys=[UNACKED, INDEX, queue], args=[tag, message, older_than_s])
        return int(done)


def _batches(tags: Iterable[str]) -> Iterable[list[str]]:
    tags = list(tags)
    return (tags[i : i + BATCH] for i in range(0, len(tags), BATCH))


def _entry(raw: Mapping[str, Any], exchange: str, routing_key: str) -> str:
    return json.dumps([raw, exchange, routing_key])


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


@cache
def leases() -> Leases:
    """The leases of this process."""
    return Leases(redis_client(), settings().visibility_timeout)
