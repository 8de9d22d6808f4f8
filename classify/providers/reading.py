"""Reading what a model has said: the answer in it, or what is wrong with it in words that can be put to the model."""

import json
import re
from typing import TypeVar

from pydantic import ValidationError

from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)

_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.S)
_FENCED = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.S)


def read(question: Question[R], content: str, findings: Findings) -> tuple[R | None, str | None]:
    """The answer, and what is wrong with it.

    Both where it contradicts itself or the answers before; only a complaint where it is none of the asked form.
    """
    assert question.prompt is not None
    try:
        result = question.result.model_validate_json(_object_in(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return None, f"That was not an answer of the asked form: {where + ': ' if where else ''}{first['msg']}."
    return result, question.prompt.contradiction(result, findings)


def _object_in(content: str) -> str:
    """The JSON object in what models without structured outputs say: after thoughts, within fences, amid words."""
    text = _THOUGHT.sub("", content).strip()
    if text.startswith("{"):
        return text
    if fenced := _FENCED.search(text):
        return fenced[1].strip()
    start = text.find("{")
    if start >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return text
        return json.dumps(found)
    return text
