"""The gate before every call of an LLM: the cluster obeys what the endpoint asked for, and limits that the user sets.

The pace decides how many indicators are let in; the gate decides when each of their calls may be made. A limit in
requests (`OPENAI_RPM`) or tokens (`OPENAI_TPM`) a minute is one bucket for all workers, on Redis's clock. Tokens are
charged by the average before a call, and put right by what it really took.
"""

import random
import time
from functools import cache, cached_property

from redis import Redis
from redis.commands.core import Script

from classify.errors import TransientError
from classify.providers.base import Call
from config.settings import settings
from tasks.errors import LONGEST_RETRY_S
from tasks.pace import SLOWED_KEY, redis_client

RPM_KEY = "gate:next_request_us"
TPM_KEY = "gate:next_token_us"
AVERAGE_KEY = "gate:tokens_a_call"

_FIRST_ESTIMATE = 1500
_ASK_AGAIN_S = 1.0

# KEYS: slowed, next request, next token, average. ARGV: rpm, tpm, first estimate. Gives µs to wait, tokens charged.
_ENTER = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local rpm, tpm = tonumber(ARGV[1]), tonumber(ARGV[2])
local hold = tonumber(redis.call('HGET', KEYS[1], 'hold_until_us') or 0)
local request = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now - 1000000)
local tokens = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), now - 1000000)
local wait = hold - now
if rpm > 0 then wait = math.max(wait, request - now) end
if tpm > 0 then wait = math.max(wait, tokens - now) end
if wait > 0 then return {string.format('%.0f', wait), '0'} end
local charge = 0
if rpm > 0 then redis.call('SET', KEYS[2], string.format('%.3f', request + 60000000 / rpm), 'EX', 3600) end
if tpm > 0 then
  charge = tonumber(redis.call('GET', KEYS[4]) or ARGV[3])
  redis.call('SET', KEYS[3], string.format('%.3f', tokens + charge * 60000000 / tpm), 'EX', 3600)
end
return {'0', tostring(charge)}
"""

# KEYS: next token, average. ARGV: tpm, tokens charged, tokens taken.
_LEAVE = """
local late = (ARGV[3] - ARGV[2]) * 60000000 / ARGV[1]
redis.call('SET', KEYS[1], string.format('%.3f', tonumber(redis.call('GET', KEYS[1]) or 0) + late), 'EX', 3600)
local average = tonumber(redis.call('GET', KEYS[2]) or ARGV[3])
redis.call('SET', KEYS[2], string.format('%.1f', average + 0.05 * (ARGV[3] - average)), 'EX', 3600)
return 1
"""


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

    def enter(self) -> float:
        """Wait until a call may be made.

        Returns
        -------
        float
            The tokens that were charged for it, for `leave`.

        Raises
        ------
        TransientError
            When that would take longer than a retry; the call is to be made later.
        """
        deadline = time.monotonic() + LONGEST_RETRY_S
        while True:
            answer = self._enter([SLOWED_KEY, RPM_KEY, TPM_KEY, AVERAGE_KEY], [self._rpm, self._tpm, _FIRST_ESTIMATE])
            wait, charge = float(answer[0]) / 1e6, float(answer[1])
            if not wait:
                return charge
            if time.monotonic() + wait > deadline:
                raise TransientError("calls are held back: the endpoint or a limit asks for it", retry_after=wait)
            # With jitter: those who wait for the same moment must not come as one.
            time.sleep(min(wait, _ASK_AGAIN_S) * random.uniform(1.0, 1.2))

    def leave(self, charged: float, call: Call) -> None:
        """Put right what `enter` charged, once the call is over."""
        if self._tpm:
            self._leave([TPM_KEY, AVERAGE_KEY], [self._tpm, charged, call.prompt_tokens + call.completion_tokens])

    @cached_property
    def _enter(self) -> Script:
        return self._redis.register_script(_ENTER)

    @cached_property
    def _leave(self) -> Script:
        return self._redis.register_script(_LEAVE)


@cache
def gate() -> ClusterGate:
    """The gate, as this process's settings reach it."""
    s = settings()
    return ClusterGate(redis_client(), s.openai_rpm, s.openai_tpm)
