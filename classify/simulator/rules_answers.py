"""The simulated endpoint as an expert: to a prompt of this project's stages it says what the project's rules say.

So a demonstration without a model gives labels worth looking at, and answers agree with each other over the stages,
as a good model's do. It reads nothing but the prompt, like any endpoint: the fenced document about the indicator.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from classify.indicator import Indicator, Observation
from classify.simulator.answers import Answerer, FittingAnswerer
from classify.simulator.question import Question
from classify.stages import QUESTIONS
from classify.stages import base as stages
from classify.stages.base import Findings, StageResult
from classify.stages.normalize import Normalization
from classify.stages.prompting import answer_schema

_FENCED = re.compile(r"```json\n(\{.*\})\n```")
_DATED = re.compile(r"(\d{4}\S*) (-?[\d.]+(?:e[+-]?\d+)?)")

_STAGES: dict[frozenset[str], stages.Question[Any]] = {
    frozenset(answer_schema(q.result)["properties"]): q for q in QUESTIONS if q.prompt
}
"""The form of the answer → the stage that asks for it; a `json_object` question shows no name, but its schema."""

_NOT_TOLD: dict[str, Any] = {
    "original_units": None,
    "parsed_scale": None,
    "parsed_currency": None,
    "parsing_confidence": 0.95,
    "confidence": 0.95,
    "source_used": "periodicity",
    "reasoning": "",
    "evidence": "",
}
"""What a prompt leaves out of the answers before: nothing that a stage's rules would read."""


class RulesAnswerer:
    """Answers prompts of this project's stages by its rules.

    Parameters
    ----------
    otherwise
        Who answers all other questions; by default, and on a document that cannot be read, anything that fits.
    """

    def __init__(self, otherwise: Answerer | None = None) -> None:
        self._otherwise = otherwise or FittingAnswerer()

    def answer(self, question: Question) -> Any:
        stage = _STAGES.get(frozenset((question.schema or {}).get("properties", ())))
        documents = _FENCED.findall(question.prompt)
        if stage is None or not documents:
            return self._otherwise.answer(question)
        try:
            result = _by_rules(stage, json.loads(documents[-1]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._otherwise.answer(question)
        said = result.model_dump(mode="json")
        return {name: said[name] for name in answer_schema(stage.result)["properties"]}


def _by_rules(stage: stages.Question[Any], document: Mapping[str, Any]) -> StageResult:
    indicator = Indicator(
        id="simulated", **document["indicator"], sample_values=_observations(document.get("values", {}))
    )
    findings = _findings(document.get("answers", {}))
    if Normalization not in findings:  # a prompt without the first stage's answer: someone is trying things out
        findings = Findings([QUESTIONS[0].rules(indicator, Findings())])
    result: StageResult = stage.rules(indicator, findings)
    return result


def _findings(answers: Mapping[str, Any]) -> Findings:
    """The answers before, as far as the prompt tells them; the first stage that it does not tell ends them."""
    told = {**_NOT_TOLD, **answers}
    found: list[StageResult] = []
    for question in QUESTIONS:
        try:
            fields = {name: told[name] for name in question.result.model_fields if name in told}
            found.append(question.result.model_validate(fields))
        except ValidationError:
            break
    return Findings(found)


def _observations(values: Mapping[str, Any]) -> tuple[Observation, ...]:
    """The sample values that a prompt shows: the latest, and those at the turns of the year."""
    shown = f"{values.get('turns', '')}; {values.get('latest', '')}"
    dated = {day.rstrip(",;"): float(value.rstrip(".")) for day, value in _DATED.findall(shown)}
    return tuple(Observation(date=day, value=value) for day, value in dated.items())
