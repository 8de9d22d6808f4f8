"""A provider for tests that kills its process over planted indicators; workers load it with `--include`."""

import os
import signal
import time
from typing import TypeVar

from classify.indicator import Indicator
from classify.providers import PROVIDERS, Answer, Gate
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)

KILLS, ABORTS = "PLANTED_KILLS", "PLANTED_ABORTS"
"""Indicators that kill, as the system does when memory runs out, and that abort, as a fault in C code does."""
_LATENCY_S = 0.3


class DeadlyProvider:
    """The rules' answers, slowly; nobody survives the planted ones at stage family."""

    name = "deadly"
    model = "deadly"

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        time.sleep(_LATENCY_S)
        if question.name == "family" and indicator.id == KILLS:
            os.kill(os.getpid(), signal.SIGKILL)
        if question.name == "family" and indicator.id == ABORTS:
            os.abort()
        return Answer(question.rules(indicator, findings))


def _deadly(gate: Gate) -> DeadlyProvider:
    return DeadlyProvider()


PROVIDERS["deadly"] = _deadly
