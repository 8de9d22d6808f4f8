"""Requests and tokens a minute, as OpenAI enforces and announces them: token buckets, headers, the 429.

A refused request takes nothing from the buckets. (At OpenAI refused requests count too; a client that hammers would
then never get through, which hides how well it keeps the pace.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from classify.simulator.replies import Headers, Reply, error_reply

Clock = Callable[[], float]


class Bucket:
    """A token bucket that starts full.

    Parameters
    ----------
    per_minute
        What flows in, in a minute.
    burst_s
        Seconds of inflow that it holds.
    clock
        Seconds, monotonic.
    """

    def __init__(self, per_minute: float, burst_s: float, clock: Clock) -> None:
        self.per_minute = per_minute
        self.capacity = max(1.0, per_minute * burst_s / 60)
        self._clock = clock
        self._level = self.capacity
        self._at = clock()

    @property
    def level(self) -> float:
        """What can be taken now."""
        now = self._clock()
        self._level = min(self.capacity, self._level + (now - self._at) * self.per_minute / 60)
        self._at = now
        return self._level

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` can be taken; 0 when it can now, infinite when it never can."""
        if amount > self.capacity:
            return math.inf
        return max(0.0, (amount - self.level) * 60 / self.per_minute)

    def take(self, amount: float) -> None:
        """Take what `wait_s` has said is there."""
        self._level = self.level - amount

    @property
    def full_in_s(self) -> float:
        """Seconds until it is full again."""
        return (self.capacity - self.level) * 60 / self.per_minute

    def resized(self, per_minute: float, burst_s: float) -> "Bucket":
        """A bucket of another size with at most what is in this one."""
        new = Bucket(per_minute, burst_s, self._clock)
        new._level = min(new.capacity, self.level)
        return new


@dataclass(frozen=True, slots=True)
class _Kind:
    type: str
    abbreviation: str


_REQUESTS = _Kind("requests", "RPM")
_TOKENS = _Kind("tokens", "TPM")


class Limits:
    """Both limits of the endpoint; either may be absent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[_Kind, Bucket] = {}

    def set(self, *, rpm: float | None, tpm: float | None, burst_s: float) -> None:
        """Change the limits; what was taken before stays taken."""
        for kind, per_minute in ((_REQUESTS, rpm), (_TOKENS, tpm)):
            old = self._buckets.pop(kind, None)
            if per_minute is not None:
                self._buckets[kind] = (
                    old.resized(per_minute, burst_s) if old else Bucket(per_minute, burst_s, self._clock)
                )

    def admit(self, model: str, tokens: float) -> Reply | None:
        """Take one request of so many tokens; the 429 when there is no room for it."""
        amounts = {kind: tokens if kind is _TOKENS else 1.0 for kind in self._buckets}
        for kind, amount in amounts.items():
            wait = self._buckets[kind].wait_s(amount)
            if wait > 0:
                return self._refusal(kind, model, amount, wait)
        for kind, amount in amounts.items():
            self._buckets[kind].take(amount)
        return None

    def headers(self) -> Headers:
        """The `x-ratelimit-…` headers of every answer, none for limits that are absent."""
        lines = []
        for kind, bucket in self._buckets.items():
            lines += [
                (f"x-ratelimit-limit-{kind.type}", f"{bucket.per_minute:.0f}"),
                (f"x-ratelimit-remaining-{kind.type}", f"{math.floor(bucket.level)}"),
                (f"x-ratelimit-reset-{kind.type}", duration(bucket.full_in_s)),
            ]
        return lines

    def _refusal(self, kind: _Kind, model: str, amount: float, wait: float) -> Reply:
        bucket = self._buckets[kind]
        limit = f"{kind.type} per min ({kind.abbreviation}): Limit {bucket.per_minute:.0f}"
        if wait == math.inf:
            message = f"Request too large for {model} on {limit}, Requested {amount:.0f}."
            waiting: Headers = ()
        else:
            used = bucket.capacity - bucket.level
            message = f"Rate limit reached for {model} on {limit}, Used {used:.0f}, Requested {amount:.0f}."
            message += f" Please try again in {duration(wait)}."
            waiting = retry_after(wait)
        return rate_limited(kind.type, message, [*self.headers(), *waiting], outcome=f"limited_{kind.type}")


def rate_limited(type: str, message: str, headers: Headers, *, outcome: str) -> Reply:
    """A 429 as OpenAI sends it."""
    return error_reply(429, message, type=type, code="rate_limit_exceeded", headers=headers, outcome=outcome)


def retry_after(seconds: float) -> Headers:
    """Both headers that name the time to wait: whole seconds, and milliseconds; never shorter than it is."""
    return [("retry-after", f"{math.ceil(seconds)}"), ("retry-after-ms", f"{math.ceil(seconds * 1000)}")]


def duration(seconds: float) -> str:
    """A span of time as the headers write it: `0s`, `60ms`, `1.5s`, `6m0s`; rounded up to a millisecond."""
    ms = math.ceil(seconds * 1000)
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    return (f"{minutes}m" if minutes else "") + f"{ms / 1000:g}s"
