"""The pace: one target for the whole cluster, kept in Redis, and the token bucket that holds every admission to it.

Celery's own bucket is one per worker process and forgets what it was late for. This one is a generic cell rate
algorithm in a Lua script on Redis's clock: each grant moves the time of the next one on by exactly one interval, so
any number of admission workers share one rate, and nothing drifts. A delay of up to `CATCH_UP_S` is caught up;
after a longer one the clock starts anew, so that a pause or a restart is not followed by a burst.
"""

from dataclasses import dataclass
from functools import cache

from redis import Redis

from config.settings import settings

TARGET_KEY = "pace:target_ipm"
NEXT_KEY = "pace:next_us"
IN_FLIGHT_KEY = "pace:in_flight"
CATCH_UP_S = 2.0

_ADMIT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[2]) then
  return ARGV[4]
end
local ipm = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local due = tonumber(redis.call('GET', KEYS[2]) or now)
if now - due > tonumber(ARGV[3]) then
  due = now  -- a pause, not a delay: nothing to catch up
end
if due > now then
  -- A target raised while the next one is far away takes effect at once.
  due = math.min(due, now + 60000000 / ipm)
  redis.call('SET', KEYS[2], string.format('%.3f', due))
  if due > now then return string.format('%.0f', due - now) end
end
redis.call('SET', KEYS[2], string.format('%.3f', due + 60000000 / ipm))
return '0'
"""
_BLOCKED_WAIT_S = 0.05


@cache
def redis_client() -> Redis:
    """The Redis client of this process."""
    return Redis.from_url(settings().redis_address, decode_responses=True, health_check_interval=30)


@dataclass(frozen=True)
class Pace:
    """The cluster's pace.

    Parameters
    ----------
    redis
        A client of the Redis that every worker shares.
    default_ipm
        Indicators a minute while no target is set.
    max_in_flight
        No indicator is admitted while this many are admitted and unfinished.
    """

    redis: Redis
    default_ipm: float
    max_in_flight: int

    @property
    def target_ipm(self) -> float:
        """Indicators a minute."""
        return float(self.redis.get(TARGET_KEY) or self.default_ipm)

    def set_target(self, ipm: float) -> None:
        """Change the target for everybody; in force at each admission worker's next question, within half a second."""
        self.redis.set(TARGET_KEY, repr(float(ipm)))

    def try_admit(self) -> float:
        """Take one token.

        Returns
        -------
        float
            0.0 when the caller may go on; else the seconds until it is worth asking again.
        """
        waited = self.redis.eval(
            _ADMIT,
            3,
            TARGET_KEY,
            NEXT_KEY,
            IN_FLIGHT_KEY,
            self.default_ipm,
            self.max_in_flight,
            int(CATCH_UP_S * 1e6),
            int(_BLOCKED_WAIT_S * 1e6),
        )
        return float(waited) / 1e6

    def entered(self, indicator_id: str) -> None:
        """Count an indicator as in flight; twice does no harm."""
        self.redis.sadd(IN_FLIGHT_KEY, indicator_id)

    def left(self, *indicator_ids: str) -> None:
        """Count indicators as finished; twice does no harm."""
        self.redis.srem(IN_FLIGHT_KEY, *indicator_ids)

    @property
    def in_flight(self) -> int:
        """Indicators admitted and not yet finished."""
        return self.redis.scard(IN_FLIGHT_KEY)


@cache
def pace() -> Pace:
    """The pace, as this process's settings reach it."""
    s = settings()
    return Pace(redis_client(), s.ipm, s.max_in_flight)
