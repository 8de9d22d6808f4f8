"""How a stage's question is answered: the one method that every provider has."""

from typing import Protocol, TypeVar

from classify.indicator import Indicator
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)


class Provider(Protocol):
    """Answers the question of a stage about an indicator.

    `name` is what people choose with `--provider`; `model` is stored with every classification.
    """

    name: str
    model: str

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> R:
        """The answer of `question` for `indicator`, given the `findings` of the stages before."""
        ...
