"""The hybrid provider: nobody is asked where the rules are sure."""

from typing import Any

import pytest

from classify.errors import UserError
from classify.indicator import Indicator
from classify.providers import ask, provider_named
from classify.providers.base import Answer, Call
from classify.providers.hybrid import SURE_FROM, HybridProvider, sure_from
from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question
from tests.classify.providers.conftest import FAMILY, GDP, findings_before

CALL = Call("m", 1, 0, 1, 0.0, 1.0, "ok")
OBSCURE = Indicator(id="X", name="Zxq measure")


class Oracle:
    name = "openai"
    model = "gpt-5-mini"

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, question: Question[Any], indicator: Indicator, findings: Findings) -> Answer[Any]:
        self.asked += 1
        return Answer(question.rules(indicator, findings).model_copy(update={"confidence": 0.99}), (CALL,))


def test_the_rules_answer_where_they_are_sure() -> None:
    oracle = Oracle()
    hybrid = HybridProvider(oracle)
    answer = ask(hybrid, FAMILY, GDP, findings_before(FAMILY))
    assert answer.result.confidence >= sure_from("family")
    assert (answer.calls, answer.by_rules, oracle.asked) == ((), None, 0)


def test_the_llm_answers_where_they_are_in_doubt() -> None:
    oracle = Oracle()
    findings = findings_before(FAMILY, OBSCURE)
    assert FAMILY.rules(OBSCURE, findings).confidence < sure_from("family")
    answer = ask(HybridProvider(oracle), FAMILY, OBSCURE, findings)
    assert (answer.result.confidence, oracle.asked) == (0.99, 1)
    assert answer.by_rules is not None


def test_every_stage_that_asks_has_a_threshold() -> None:
    assert set(SURE_FROM) <= {q.name for q in QUESTIONS if q.prompt}
    assert all(0 < sure_from(q.name) <= 1 for q in QUESTIONS)


def test_it_needs_what_the_llm_needs() -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        provider_named("hybrid")
