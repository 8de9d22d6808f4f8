"""A provider for tests whose words are as bad as words can be; workers load it with `--include`."""

from typing import TypeVar

from classify.errors import RefusedError
from classify.indicator import Indicator
from classify.providers import PROVIDERS, Answer, Gate
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)

REFUSED = "PLANTED_REFUSED"
FORGED = "2026-11-21T00:00:00.000+00:00 ERROR   forged: all is lost"
WORDS = (
    f"x\x00\x1b[2J\x9b31m\ud800\u202e\u2066 '; DROP TABLE runs; -- %s {{0}}\r\n{FORGED}\u2028{FORGED}<script>alert(1)"
)
"""NUL, a terminal's commands, a lone surrogate, text turned around, SQL, formats, a forged line, HTML."""


class NastyProvider:
    """The rules' answers, and nasty reasons for them."""

    name = "nasty"
    model = "nasty"

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        if indicator.id == REFUSED and question.name == "family":
            raise RefusedError(f"the model refuses: {WORDS}")
        result = question.rules(indicator, findings)
        if "reasoning" in type(result).model_fields:
            result = type(result).model_validate({**result.model_dump(), "reasoning": WORDS})
        return Answer(result)


def _nasty(gate: Gate) -> NastyProvider:
    return NastyProvider()


PROVIDERS["nasty"] = _nasty
