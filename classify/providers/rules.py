"""The offline provider: every stage's own rules, instantly and deterministically, at no cost."""

from typing import TypeVar

from classify.indicator import Indicator
from classify.providers.base import Answer
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)


class RulesProvider:
    """Answers from metadata and values by the rules that stand beside each stage.

    The embedded default, and the cross-check of an LLM. Not for indicators whose meaning stands only in
    a reader's head: their confidence is low, and honest.
    """

    name = "rules"
    model = "rules"

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        return Answer(question.rules(indicator, findings))
