"""What the endpoint has done so far, as `/stats` tells it: outcomes, tokens, requests in flight, latency."""

import math
from collections import Counter
from typing import Any

from classify.simulator.replies import Reply

_BASE = 1.02
"""Latencies are kept in classes 2 % wide: memory stays bounded, percentiles are right to 1 %."""
_SHORTEST_S = 1e-5


class Stats:
    """Counts of chat completions since the start or the last reset.

    Tokens are those of answers that were really written: what a client that counts what it was told must arrive at.
    """

    def __init__(self) -> None:
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Begin anew; what is in flight stays in flight."""
        self._outcomes: Counter[str] = Counter()
        self._prompt = self._cached = self._completion = 0
        self._most_in_flight = self._in_flight
        self._latencies: Counter[int] = Counter()
        self._longest = 0.0

    def begun(self) -> None:
        """A request has come."""
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)

    def ended(self, reply: Reply, *, written: bool, seconds: float) -> None:
        """A request is over: `written` says whether the client was still there to be answered."""
        self._in_flight -= 1
        if reply.ending == "answer" and not written:
            self._outcomes["abandoned"] += 1
            return
        self._outcomes[reply.outcome] += 1
        if reply.usage and written:
            self._prompt += reply.usage.prompt
            self._cached += reply.usage.cached
            self._completion += reply.usage.completion
            self._latencies[round(math.log(max(seconds, _SHORTEST_S), _BASE))] += 1
            self._longest = max(self._longest, seconds)

    def facts(self) -> dict[str, Any]:
        """Everything, for JSON. Latencies in seconds, None while nothing was answered."""
        return {
            "requests": sum(self._outcomes.values()),
            "outcomes": dict(sorted(self._outcomes.items())),
            "prompt_tokens": self._prompt,
            "cached_tokens": self._cached,
            "completion_tokens": self._completion,
            "in_flight": {"now": self._in_flight, "max": self._most_in_flight},
            "latency_s": {
                "p50": self._percentile(0.5),
                "p99": self._percentile(0.99),
                "max": round(self._longest, 4) if self._latencies else None,
            },
        }

    def _percentile(self, share: float) -> float | None:
        left = share * self._latencies.total()
        for bucket in sorted(self._latencies):
            left -= self._latencies[bucket]
            if left <= 0:
                return round(min(_BASE**bucket, self._longest), 4)
        return None
