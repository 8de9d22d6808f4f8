"""Which requests go wrong, and how: drawn from the seed, one number a request, so that a run can be repeated."""

import random
from itertools import count
from typing import Literal

from classify.simulator.behaviour import Behaviour
from classify.simulator.limits import rate_limited, retry_after
from classify.simulator.replies import Reply, error_reply

Fault = Literal["fail_429", "fail_500", "fail_503", "drop", "hang", "rubbish"]


class Faults:
    """Draws the fault of each chat completion, and counts towards the key's and the quota's end."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._random = random.Random(behaviour.seed)
        self._spread = random.Random(behaviour.seed + 1)
        self._since_key = count()
        self._since_quota = count()

    def set(self, behaviour: Behaviour) -> None:
        """Behave otherwise from now on; counting and drawing start anew where their setting is another."""
        before, self._behaviour = self._behaviour, behaviour
        if behaviour.seed != before.seed:
            self._random.seed(behaviour.seed)
            self._spread.seed(behaviour.seed + 1)
        if behaviour.unauthorized_after != before.unauthorized_after:
            self._since_key = count()
        if behaviour.quota_after != before.quota_after:
            self._since_quota = count()

    def shut_out(self) -> Reply | None:
        """The refusal when the key or the quota has come to its end; counts one request."""
        b = self._behaviour
        if next(self._since_key) >= (float("inf") if b.unauthorized_after is None else b.unauthorized_after):
            return error_reply(
                401, "Incorrect API key provided: simulated.", code="invalid_api_key", outcome="unauthorized"
            )
        if next(self._since_quota) >= (float("inf") if b.quota_after is None else b.quota_after):
            message = "You exceeded your current quota, please check your plan and billing details."
            return error_reply(429, message, type="insufficient_quota", code="insufficient_quota", outcome="quota")
        return None

    def draw(self) -> tuple[Fault | None, float]:
        """The next request's fault, if any, and a second number from 0 to 1 for its details."""
        b = self._behaviour
        drawn, detail = self._random.random(), self._random.random()
        shares: tuple[tuple[Fault, float], ...] = (
            ("fail_429", b.fail_429),
            ("fail_500", b.fail_500 / 2),
            ("fail_503", b.fail_500 / 2),
            ("drop", b.drop),
            ("hang", b.hang),
            ("rubbish", b.rubbish),
        )
        reached = 0.0
        for fault, share in shares:
            reached += share
            if share and (drawn < reached or reached >= 1 - 1e-9):
                return fault, detail
        return None, detail

    def latency_s(self) -> float:
        """Seconds that the next answer takes: log-normal around the median."""
        b = self._behaviour
        if not b.latency_s or not b.latency_sigma:
            return b.latency_s
        return b.latency_s * self._spread.lognormvariate(0, b.latency_sigma)

    def reply_for(self, fault: Fault, model: str) -> Reply:
        """How a fault other than rubbish ends its request."""
        wait = retry_after(self._behaviour.retry_after_s)
        if fault == "fail_429":
            message = f"Rate limit reached for {model} (simulated fault). Please try again."
            return rate_limited("requests", message, wait, outcome=fault)
        if fault == "drop":
            return Reply(outcome="dropped", delay_s=self.latency_s(), ending="drop")
        if fault == "hang":
            return Reply(outcome="hung", ending="hang")
        status = 503 if fault == "fail_503" else 500
        message = "The engine is currently overloaded" if status == 503 else "The server had an error"
        return error_reply(
            status,
            f"{message} while processing your request (simulated fault).",
            type="server_error",
            headers=wait if status == 503 else (),
            outcome=fault,
            delay_s=self.latency_s(),
        )
