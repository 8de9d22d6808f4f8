"""The provider that asks an LLM only where the rules are in doubt: most answers then cost nothing."""

from collections.abc import Mapping
from typing import TypeVar

from classify.indicator import Indicator
from classify.providers.base import Answer, Provider
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)

SURE_FROM: Mapping[str, float] = {"time": 0.8, "family": 0.8, "type": 0.75, "orientation": 0.8}
"""Stage → the confidence of the rules from which on they are not doubted.

`bin/evaluate` shows how right they are from there on and below; 0.98 and more of the labelled answers, when these
were chosen. There are no labels of time and frequency: its confidence says whether the source states them.
"""
SURE_ELSE = 0.8


def sure_from(stage: str) -> float:
    """The confidence from which on the rules' answer of a stage stands."""
    return SURE_FROM.get(stage, SURE_ELSE)


class HybridProvider:
    """The rules where they are sure, an LLM otherwise.

    Parameters
    ----------
    llm
        Who is asked in doubt.

    Example
    -------
    >>> HybridProvider(OpenAIProvider(settings(), OpenGate())).answer(question, indicator, findings)
    """

    name = "hybrid"

    def __init__(self, llm: Provider) -> None:
        self._llm = llm
        self.model = llm.model

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        by_rules = question.rules(indicator, findings)
        if getattr(by_rules, "confidence", 0.0) >= sure_from(question.name):
            return Answer(by_rules)
        return self._llm.answer(question, indicator, findings)
