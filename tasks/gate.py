"""The gate before every call of an LLM: the cluster obeys what the endpoint asks for, and limits that the user sets.

The pace decides how many indicators are let in; the gate decides when each of their calls may be made. It is one
bucket for all workers, on Redis's clock. Its rate is the least of `OPENAI_RPM` and, after the endpoint refused calls
(429), what it is believed to bear; `OPENAI_TPM` is a second bucket, charged by the average before a call and put right
by what the call really took. A `Retry-After` holds everybody.

What calls took is told to Redis with the next question of the same process, which asks many times a second when it
matters. Where nothing limits anyone, one question opens the gate for all calls of the process for a moment; so a call
costs no round trip of its own. The first refusal reaches the others that much later, and every one after it at once.
"""

import random
import time
from collections import deque
from functools import cache, cached_property

from redis import Redis
from redis.commands.core import Script

from classify.errors import HeldBackError
from classify.providers.base import Call
from config.settings import settings
from tasks.clients import redis_client
from tasks.errors import LONGEST_RETRY_S
from tasks.lua import ANSWERED_OVER_S, BEARABLE, CLOCK, RING
from tasks.pace import GRANTED_KEY, SLOWED_KEY

RPM_KEY = "gate:next_request_us"
TPM_KEY = "gate:next_token_us"
AVERAGE_KEY = "gate:tokens_a_call"
ANSWERED_KEY = "gate:answered"
REFUSED_KEY = "gate:refused"

_FIRST_ESTIMATE = 1500
_ASK_AGAIN_S = 1.0
_BURST_S = 0.5
"""Seconds' worth of a limit that may be taken at once."""
_OPEN_S = 0.25
"""For so long the gate stays open to a process that found no limit."""

# Calls that are over: how many, how many of them were answered, tokens charged for them, tokens taken.
_ACCOUNT = """
local function account(next_token, average, answered_ring, second, tpm, calls, answered, charged, taken)
  if calls == 0 then return end
  if answered > 0 then ring_add(answered_ring, second, answered) end
  if tpm == 0 then return end
  local late = (taken - charged) * 60000000 / tpm
  redis.call('SET', next_token, string.format('%.3f', (redis.call('GET', next_token) or 0) + late), 'EX', 3600)
  local mean = taken / calls
  local before = redis.call('GET', average) or mean
  redis.call('SET', average, string.format('%.1f', mean + 0.95 ^ calls * (before - mean)), 'EX', 3600)
end
"""

# KEYS: slowed, next request, next token, average, granted, answered. ARGV: rpm, tpm, first estimate, burst in µs; calls
# that are over, as `account` takes them; calls that were made since the last question. Gives µs to wait, tokens
# charged, whether nothing limits.
_ENTER = (
    CLOCK
    + RING
    + BEARABLE
    + _ACCOUNT
    + """
local now = clock()
local rpm, tpm = tonumber(ARGV[1]), tonumber(ARGV[2])
account(KEYS[3], KEYS[4], KEYS[6], math.floor(now / 1000000), tpm,
        tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]))
local slowed = slowed_by(KEYS[1])
local bearable = bearable_rpm(slowed, now)
if bearable and (rpm == 0 or bearable < rpm) then rpm = bearable end
local request = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now - tonumber(ARGV[4]))
local tokens = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), now - tonumber(ARGV[4]))
local wait = tonumber(slowed[3] or 0) - now
if rpm > 0 then wait = math.max(wait, request - now) end
if tpm > 0 then wait = math.max(wait, tokens - now) end
local made = tonumber(ARGV[9])
if wait > 0 then
  if made > 0 then ring_add(KEYS[5], math.floor(now / 1000000), made) end
  return {string.format('%.0f', wait), '0', 0}
end
local charge = 0
if rpm > 0 then redis.call('SET', KEYS[2], string.format('%.3f', request + 60000000 / rpm), 'EX', 3600) end
if tpm > 0 then
  charge = tonumber(redis.call('GET', KEYS[4]) or ARGV[3])
  redis.call('SET', KEYS[3], string.format('%.3f', tokens + charge * 60000000 / tpm), 'EX', 3600)
end
ring_add(KEYS[5], math.floor(now / 1000000), made + 1)
return {'0', tostring(charge), (rpm > 0 or tpm > 0) and 0 or 1}
"""
)

# KEYS: slowed, answered, refused. ARGV: seconds that the endpoint asked to wait, seconds that calls are counted over.
# Calls that were under way when the rate was lowered may be refused still: that is no new refusal. And a rate that was
# lowered and is refused as often as before was not the cause: then it climbs, or it would sink for ever, and only the
# call that was refused waits.
_REFUSED = (
    CLOCK
    + RING
    + BEARABLE
    + """
local now = clock()
local slowed = slowed_by(KEYS[1])
local function hold()
  local till = math.max(now + tonumber(ARGV[1]) * 1000000, tonumber(slowed[3] or 0))
  redis.call('HSET', KEYS[1], 'hold_until_us', string.format('%.0f', till))
  redis.call('EXPIRE', KEYS[1], 600)
end
ring_add(KEYS[3], math.floor(now / 1000000), 1)
if not slowed[2] or now - tonumber(slowed[2]) > 3000000 then
  local second, span = math.floor(now / 1000000), tonumber(ARGV[2])
  local answered, refused = ring_sum(KEYS[2], second, span), ring_sum(KEYS[3], second, span)
  local share = (refused + 1) / (answered + refused + 1)  -- this one is of the second that is under way
  local before = tonumber(redis.call('HGET', KEYS[1], 'share') or 0)
  local believed = bearable_rpm(slowed, now)
  local counted = ring_age(KEYS[2], second, span)
  if counted == 0 and not believed then  -- a run has only begun: nothing is known but the time to wait
    hold()
    return 1
  end
  local rpm = 60 / math.max(1, counted) * answered
  if believed and share > 0.1 and share > before / 2 then
    rpm = 1.2 * believed
  else
    hold()
    if believed then rpm = math.min(believed, rpm) end
  end
  redis.call('HSET', KEYS[1], 'refused_rpm', tostring(math.max(1, rpm)), 'since_us', string.format('%.0f', now),
             'share', tostring(believed and (before + share) / 2 or share))
end
return 1
"""
)


class ClusterGate:
    """The gate that all workers share.

    Parameters
    ----------
    redis
        A client of the Redis that every worker shares.
    rpm, tpm
        Requests and tokens a minute, over the whole cluster; None for no limit.
    """

    def __init__(self, redis: Redis, rpm: float | None = None, tpm: float | None = None) -> None:
        self._redis = redis
        self._rpm = rpm or 0
        self._tpm = tpm or 0
        self._over: deque[tuple[float, int]] = deque()
        self._open_until = 0.0
        self._made: deque[None] = deque()

    def enter(self) -> float:
        """Wait until a call may be made.

        Returns
        -------
        float
            The tokens that were charged for it, for `leave`.

        Raises
        ------
        HeldBackError
            When that would take longer than a retry; the call is to be made later.
        """
        if time.monotonic() < self._open_until:
            self._made.append(None)
            return 0.0
        deadline = time.monotonic() + LONGEST_RETRY_S
        keys = [SLOWED_KEY, RPM_KEY, TPM_KEY, AVERAGE_KEY, GRANTED_KEY, ANSWERED_KEY]
        while True:
            limits = [self._rpm, self._tpm, _FIRST_ESTIMATE, int(_BURST_S * 1e6)]
            answer = self._enter(keys, [*limits, *self._account()])
            wait, charge = float(answer[0]) / 1e6, float(answer[1])
            if answer[2]:
                self._open_until = time.monotonic() + _OPEN_S
            if not wait:
                return charge
            if time.monotonic() + wait > deadline:
                raise HeldBackError("calls are held back by a limit or by the endpoint", retry_after=wait)
            # With jitter: those who wait for the same moment must not come as one.
            time.sleep(min(wait, _ASK_AGAIN_S) * random.uniform(1.0, 1.5))

    def leave(self, charged: float, call: Call) -> None:
        """Learn what the call took, once it is over."""
        self._over.append((charged, call.prompt_tokens + call.completion_tokens))

    def _account(self) -> list[float]:
        """What Redis has not been told of yet: how many calls are over, how many of them were answered, tokens charged
        for them and taken, how many were made.
        """
        over = [self._over.popleft() for _ in range(len(self._over))]
        made = [self._made.popleft() for _ in range(len(self._made))]
        taken = [tokens for _, tokens in over]
        answered = sum(tokens > 0 for tokens in taken)
        return [len(over), answered, sum(charged for charged, _ in over), sum(taken), len(made)]

    def refused(self, retry_after_s: float | None = None) -> None:
        """Slow down for everybody, because the endpoint refused a call; send nothing for `retry_after_s`."""
        self._open_until = 0.0
        self._refused([SLOWED_KEY, ANSWERED_KEY, REFUSED_KEY], [retry_after_s or 0, ANSWERED_OVER_S])

    @cached_property
    def _enter(self) -> Script:
        return self._redis.register_script(_ENTER)

    @cached_property
    def _refused(self) -> Script:
        return self._redis.register_script(_REFUSED)


@cache
def gate() -> ClusterGate:
    """The gate, as this process's settings reach it."""
    s = settings()
    return ClusterGate(redis_client(), s.openai_rpm, s.openai_tpm)
