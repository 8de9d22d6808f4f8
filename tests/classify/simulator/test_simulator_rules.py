"""Told to, the endpoint answers this project's prompts as its rules would, from the prompt alone."""

import json
from typing import Any

import pytest

from classify.intake import indicator_from
from classify.samples import generate
from classify.simulator.question import read_question
from classify.simulator.rules_answers import RulesAnswerer
from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question
from classify.stages.prompting import answer_schema, describe


def _asked(question: Question[Any], indicator: Any, findings: Findings, form: str) -> dict[str, Any]:
    assert question.prompt is not None
    schema = answer_schema(question.result)
    instructions = question.prompt.instructions(findings)
    if form == "json_object":
        instructions += f"\nJSON that fits {json.dumps(schema)}"
    response_format = {"type": form}
    if form == "json_schema":
        response_format["json_schema"] = {"name": question.name, "schema": schema, "strict": True}  # type: ignore[assignment]
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": instructions},
            {"role": "user", "content": describe(indicator, findings)},
        ],
        "response_format": response_format,
    }
    answer: dict[str, Any] = RulesAnswerer().answer(read_question(json.dumps(body).encode()))
    return answer


@pytest.mark.parametrize("form", ["json_schema", "json_object"])
def test_it_answers_as_the_rules_do_and_never_contradicts_itself(form: str) -> None:
    labels = same = 0
    for record in generate(300):
        indicator, _ = indicator_from(record)
        findings = Findings([QUESTIONS[0].rules(indicator, Findings())])
        for question in QUESTIONS[1:]:
            assert question.prompt is not None
            said = question.result.model_validate(_asked(question, indicator, findings, form))
            assert question.prompt.contradiction(said, findings) is None
            expected = question.rules(indicator, findings)
            for name, value in question.brief(expected).items():
                if name not in ("confidence", "source_used"):
                    labels += 1
                    same += getattr(said, name) == value
            findings = findings.adding(said)
    assert same / labels > 0.98


def test_a_prompt_of_others_gets_what_fits() -> None:
    schema = {
        "type": "object",
        "properties": {"confidence": {"type": "number", "description": "0 to 1"}, "colour": {"enum": ["red"]}},
        "required": ["confidence", "colour"],
        "additionalProperties": False,
    }
    for number in range(50):
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": f"{number} ```json\n{{}}\n```"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        }
        answer = RulesAnswerer().answer(read_question(json.dumps(body).encode()))
        assert answer["colour"] == "red"
        assert 0 <= answer["confidence"] <= 1


@pytest.mark.parametrize("inside", ["{", '{"indicator":{}}', '{"indicator":[]}', '{"indicator":{"name":7}}', "{}"])
def test_a_document_that_cannot_be_read_gets_what_fits(inside: str) -> None:
    question = QUESTIONS[3]
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": f"```json\n{inside}\n```"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "family", "schema": answer_schema(question.result)},
        },
    }
    question.result.model_validate(RulesAnswerer().answer(read_question(json.dumps(body).encode())))
