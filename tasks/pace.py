"""The pace: one target for the whole cluster, kept in Redis, and the token bucket that holds every admission to it.

Celery's own bucket is one per worker process and forgets what it was late for. This one is a generic cell rate
algorithm in a Lua script on Redis's clock: each grant moves the time of the next one on by exactly one interval, so
any number of admission workers share one rate, and nothing drifts. A delay of up to `CATCH_UP_S` is caught up;
after a longer one the clock starts anew, so that a pause or a restart is not followed by a burst.

Two things slow it down. Back-pressure: no admission while too many indicators are in flight. And an endpoint that
refuses calls (429): what it bears is found out (see `tasks.lua`), every call waits for it (`tasks.gate`), and no more
is admitted than those calls can serve.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from redis import Redis
from redis.commands.core import Script

from config.settings import settings
from tasks.clients import redis_client
from tasks.lua import BEARABLE, CLOCK, RING

TARGET_KEY = "pace:target_ipm"
RECENT_KEY = "pace:recent_target_ipm"
NEXT_KEY = "pace:next_us"
IN_FLIGHT_KEY = "pace:in_flight"
LATENCY_KEY = "pace:latency_s"
SLOWED_KEY = "pace:slowed"
DONE_KEY = "pace:done"
GRANTED_KEY = "gate:granted"

CATCH_UP_S = 2.0
LEAST_IN_FLIGHT_S, MOST_IN_FLIGHT_S = 10.0, 60.0
"""In flight are at least and at most so many seconds' worth of the target, unless a setting says how many."""
RECENT_S = 60
"""A target that was lowered counts for back-pressure for so long: what it let in is on its way."""

CALLS_AN_INDICATOR = 5
"""LLM calls an indicator takes, as long as too few are finished to have counted them."""

# The share of the target that may be admitted: what the endpoint bears, over what the target would ask of it.
_FACTOR = """
local function factor_of(slowed, now, target, granted, done)
  local rpm = bearable_rpm(slowed, now)
  if not rpm then return 1 end
  local second = math.floor(now / 1000000)
  local finished = ring_sum(done, second, 60)
  local calls = finished >= 20 and math.max(0.5, ring_sum(granted, second, 60) / finished) or %(calls)s
  return math.min(1, rpm / (calls * target))
end
""" % {"calls": CALLS_AN_INDICATOR}  # noqa: UP031  # Lua has braces of its own

_LIMIT = """
local function limit_of(fixed, target, recent, latency)
  if tonumber(fixed) > 0 then return tonumber(fixed) end
  local ipm = math.max(target, tonumber(recent or 0))
  local worth = math.max(%(least)s, math.min(%(most)s, 2 * tonumber(latency or 0)))
  return math.max(20, math.ceil(worth * ipm / 60))
end
""" % {"least": LEAST_IN_FLIGHT_S, "most": MOST_IN_FLIGHT_S}  # noqa: UP031

# KEYS: target, next, in flight, latency, slowed, recent, granted, done.
# ARGV: default target, fixed limit, catch-up in µs.
_ADMIT = (
    CLOCK
    + RING
    + BEARABLE
    + _FACTOR
    + _LIMIT
    + """
local now = clock()
local got = redis.call('MGET', KEYS[1], KEYS[2], KEYS[4], KEYS[6])
local slowed = slowed_by(KEYS[5])
local target = tonumber(got[1] or ARGV[1])
if slowed[3] and tonumber(slowed[3]) > now then
  return string.format('%.0f', tonumber(slowed[3]) - now)
end
local due = tonumber(got[2] or now)
if redis.call('ZCARD', KEYS[3]) >= limit_of(ARGV[2], target, got[4], got[3]) then
  -- What the workers could not take is not owed to them afterwards.
  redis.call('SET', KEYS[2], string.format('%.3f', math.max(due, now)))
  return '50000'
end
local interval = 60000000 / (target * factor_of(slowed, now, target, KEYS[7], KEYS[8]))
if now - due > tonumber(ARGV[3]) then
  due = now  -- a pause, not a delay: nothing to catch up
end
if due > now then
  due = math.min(due, now + interval)  -- a target raised while the next token is far away counts at once
  redis.call('SET', KEYS[2], string.format('%.3f', due))
  return string.format('%.0f', due - now)
end
redis.call('SET', KEYS[2], string.format('%.3f', due + interval))
return '0'
"""
)

# KEYS: in flight. ARGV: the indicator.
_ENTERED = """
local t = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'NX', t[1] + t[2] / 1000000, ARGV[1])
"""

# KEYS: in flight, latency, done. ARGV: the indicator, whether it is completed.
_LEAVE = (
    RING
    + """
local entered = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not entered then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local before = tonumber(redis.call('GET', KEYS[2]) or (now - entered))
redis.call('SET', KEYS[2], string.format('%.6f', before + 0.05 * (now - entered - before)), 'EX', 3600)
if ARGV[2] == '1' then ring_add(KEYS[3], tonumber(t[1]), 1) end
return 1
"""
)

# KEYS: target, in flight, latency, slowed, done, recent, granted. ARGV: default target, fixed limit.
_SHOW = (
    CLOCK
    + RING
    + BEARABLE
    + _FACTOR
    + _LIMIT
    + """
local now = clock()
local target = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local latency = redis.call('GET', KEYS[3])
local slowed = slowed_by(KEYS[4])
local second = math.floor(now / 1000000)
local minute, ten = ring_sum(KEYS[5], second, 60), ring_sum(KEYS[5], second, 10)
local factor = factor_of(slowed, now, target, KEYS[7], KEYS[5])
local hold = math.max(0, tonumber(slowed[3] or 0) - now) / 1000000
return {tostring(target), tostring(factor), tostring(hold), tostring(minute), tostring(6 * ten),
        tostring(redis.call('ZCARD', KEYS[2])),
        tostring(limit_of(ARGV[2], target, redis.call('GET', KEYS[6]), latency)), latency or '0'}
"""
)


@dataclass(frozen=True)
class Now:
    """The pace at this moment; rates in indicators a minute.

    Parameters
    ----------
    target_ipm
        What was asked for.
    factor
        The share of it that is in force: less than 1 after the endpoint refused calls.
    held_s
        Seconds for which the endpoint asked to send nothing.
    completed_ipm, completed_10s_ipm
        Measured over the last minute, and over the last ten seconds.
    in_flight, max_in_flight
        Indicators admitted and unfinished, and how many there may be.
    latency_s
        From admission to the end, smoothed.
    """

    target_ipm: float
    factor: float
    held_s: float
    completed_ipm: float
    completed_10s_ipm: float
    in_flight: int
    max_in_flight: int
    latency_s: float


class Pace:
    """The cluster's pace.

    Parameters
    ----------
    redis
        A client of the Redis that every worker shares.
    default_ipm
        Indicators a minute while no target is set.
    max_in_flight
        No indicator is admitted while this many are admitted and unfinished; None works it out from target and
        latency.
    """

    def __init__(self, redis: Redis, default_ipm: float, max_in_flight: int | None = None) -> None:
        self.redis = redis
        self._default_ipm = default_ipm
        self._fixed_limit = max_in_flight or 0

    @property
    def target_ipm(self) -> float:
        """Indicators a minute."""
        return float(self.redis.get(TARGET_KEY) or self._default_ipm)

    def set_target(self, ipm: float) -> None:
        """Change the target for everybody; in force at each admission worker's next question, within half a second."""
        recent = max(float(ipm), self.target_ipm)
        self.redis.mset({TARGET_KEY: repr(float(ipm)), RECENT_KEY: repr(recent)})
        self.redis.expire(RECENT_KEY, RECENT_S)

    def try_admit(self) -> float:
        """Take one token.

        Returns
        -------
        float
            0.0 when the caller may go on; else the seconds until it is worth asking again.
        """
        keys = [
            TARGET_KEY,
            NEXT_KEY,
            IN_FLIGHT_KEY,
            LATENCY_KEY,
            SLOWED_KEY,
            RECENT_KEY,
            GRANTED_KEY,
            DONE_KEY,
        ]
        return float(self._admit(keys, [self._default_ipm, self._fixed_limit, int(CATCH_UP_S * 1e6)])) / 1e6

    def entered(self, indicator_id: str) -> None:
        """Count an indicator as in flight; twice does no harm."""
        self._entered([IN_FLIGHT_KEY], [indicator_id])

    def left(self, indicator_id: str, *, completed: bool = False) -> None:
        """Count an indicator as no longer in flight; twice does no harm. `completed` ones make the measured pace."""
        self._leave([IN_FLIGHT_KEY, LATENCY_KEY, DONE_KEY], [indicator_id, int(completed)])

    def now(self) -> Now:
        """The pace at this moment."""
        keys = [TARGET_KEY, IN_FLIGHT_KEY, LATENCY_KEY, SLOWED_KEY, DONE_KEY, RECENT_KEY, GRANTED_KEY]
        shown: list[Any] = self._show(keys, [self._default_ipm, self._fixed_limit])
        target, factor, held, minute, ten, in_flight, most, latency = map(float, shown)
        return Now(target, factor, held, minute, ten, int(in_flight), int(most), latency)

    @cached_property
    def _admit(self) -> Script:
        return self.redis.register_script(_ADMIT)

    @cached_property
    def _entered(self) -> Script:
        return self.redis.register_script(_ENTERED)

    @cached_property
    def _leave(self) -> Script:
        return self.redis.register_script(_LEAVE)

    @cached_property
    def _show(self) -> Script:
        return self.redis.register_script(_SHOW)


@cache
def pace() -> Pace:
    """The pace, as this process's settings reach it."""
    s = settings()
    return Pace(redis_client(), s.ipm, s.max_in_flight)
