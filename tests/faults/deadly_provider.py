"""A provider for tests that kills its process over planted indicators; workers load it with `--include`."""

import ctypes
import os
import signal
import time
from typing import TypeVar

from classify.indicator import Indicator
from classify.providers import PROVIDERS, Answer, Gate
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)

KILLED, ABORTED, SEGFAULT, MEMORY = "PLANTED_KILLED", "PLANTED_ABORTED", "PLANTED_SEGFAULT", "PLANTED_MEMORY"
"""Indicators that end a process with SIGKILL, as C code that gives up does, as C code that strays does, and by wanting
more memory than there is."""
_TOO_MUCH = 3_000_000_000
_LATENCY_S = 0.3


class DeadlyProvider:
    """The rules' answers, slowly; nobody survives the planted ones at stage family."""

    name = "deadly"
    model = "deadly"

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        time.sleep(_LATENCY_S)
        if question.name == "family":
            _die(indicator.id)
        return Answer(question.rules(indicator, findings))


def _die(planted: str) -> None:
    if planted == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if planted == ABORTED:
        os.abort()
    if planted == SEGFAULT:
        ctypes.string_at(0)
    if planted == MEMORY:
        taken = bytearray(_TOO_MUCH)  # a MemoryError where there is a limit
        os.kill(os.getpid(), signal.SIGKILL)  # what the system does where there is none
        assert taken


def _deadly(gate: Gate) -> DeadlyProvider:
    return DeadlyProvider()


PROVIDERS["deadly"] = _deadly
