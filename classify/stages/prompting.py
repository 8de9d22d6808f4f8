"""What a prompt says about one indicator, and the form an answer must have: the parts that providers put to an LLM.

The fixed part of a prompt belongs to its stage (`classify.stages.prompts`); what varies is short and comes last, so
that endpoints can cache all that stands before it. It is data of strangers: a name may try to give orders, to close
the fence around it or to speak a model's control tokens, and must not get through with it.
"""

import json
import unicodedata
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import fsum
from typing import Any

from classify.indicator import Indicator
from classify.rules.accumulation import shape_of
from classify.rules.kinds import kind_of
from classify.rules.series import one_value_a_date, spacing
from classify.stages import QUESTIONS
from classify.stages.base import Findings, StageResult
from classify.stages.cumulative import CumulativeDetection
from classify.stages.normalize import Normalization
from classify.stages.time import UNIT_READ

_LIMITS = {
    "name": 160, "long_name": 120, "units": 80, "scale": 30, "currency_code": 12, "periodicity": 50,
    "aggregation_method": 50, "topic": 60, "category_group": 60, "dataset": 50, "source_name": 50, "definition": 260,
}  # fmt: skip
"""The columns that say what an indicator is, in this order, and the characters that each may take, escaped."""

_UNTOLD = frozenset({"original_units", "parsed_scale", "parsing_confidence", "confidence", "source_used"})
"""Fields of earlier answers that no later stage needs to know."""

_LATEST = 6
_TURNS = 3

# Only inside JSON strings, which read the same afterwards; no list may be in the document. "`" closes a fence, "<" and
# "[" begin the control tokens of every model family that has any.
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "`<["})


def describe(indicator: Indicator, findings: Findings) -> str:
    """The variable part of a prompt: the indicator, its values summed up, the answers so far, in one fenced document.

    At most 2,400 characters whatever the indicator holds, and about 800 as a rule. Between the fences is one line of
    JSON, `{"indicator": {…}, "values": {…}, "answers": {…}}`, without nulls.
    """
    document = {"indicator": _words(indicator), "values": _values(indicator, findings), "answers": _answers(findings)}
    return f"```json\n{_json(document)}\n```"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)


def _words(indicator: Indicator) -> dict[str, str]:
    said = {column: _shortened(getattr(indicator, column) or "", limit) for column, limit in _LIMITS.items()}
    if said["name"] in said["long_name"]:  # all it adds is mostly a country, which decides no label
        said["long_name"] = ""
    return {column: text for column, text in said.items() if text}


def _shortened(text: str, limit: int) -> str:
    """The text on one line, without what nobody sees, and cut where it would take more than `limit` characters."""
    seen = text[: 4 * limit]
    if not seen.isprintable():
        seen = "".join(c for c in seen if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(seen.split())
    if len(_json(line)) - 2 <= limit and len(text) <= 4 * limit:
        return line
    kept, room = 0, limit - 1
    while kept < len(line) and (room := room - len(_json(line[kept])) + 2) >= 0:
        kept += 1
    return f"{line[:kept].rstrip()}…"


def _answers(findings: Findings) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for question in QUESTIONS:
        if question.result in findings:
            told |= question.brief(findings[question.result])
    told = {field: value for field, value in told.items() if value is not None and field not in _UNTOLD}
    if Normalization in findings and (sureness := findings[Normalization].parsing_confidence) < UNIT_READ:
        told["parsing_confidence"] = sureness
    return told


def _values(indicator: Indicator, findings: Findings) -> dict[str, Any]:
    """The sample values summed up; how they lie in time and climb only until accumulation is decided."""
    series = indicator.series()
    values = [value for _, value in series] or [observation.value for observation in indicator.sample_values]
    if not values:
        return {"count": 0}
    told: dict[str, Any] = {"count": len(values)}
    spaced = spacing(day for day, _ in series)
    undecided = CumulativeDetection not in findings
    if series:
        told |= {"from": _day(series[0][0], spaced), "to": _day(series[-1][0], spaced)}
    if spaced and undecided:
        told["spacing"] = spaced[0]
    told |= {"min": _number(min(values)), "max": _number(max(values))}
    if undecided:
        told["mean"] = _number(fsum(value / len(values) for value in values))
    if negative := sum(value < 0 for value in values):
        told["below_zero"] = negative
    if spaced and undecided:
        told |= _climbs(series, spaced, signed=kind_of(f"{indicator.name} {indicator.units or ''}") == "balance")
    told["latest"] = ", ".join(_dated(*point, spaced) for point in series[-_LATEST:]) or ", ".join(
        f"{_number(value)}" for value in values[-_LATEST:]
    )
    return told


_Spaced = tuple[Any, float, int] | None
"""What `spacing` says."""


def _climbs(series: Sequence[tuple[date, float]], spaced: _Spaced, signed: bool) -> dict[str, str]:
    """How often the values rise, what the statistics see in that, and what happens at the turns of the year."""
    if not one_value_a_date(series):
        return {"pattern": "several values for one date"}
    steps = list(pairwise(series))
    told = {"rises": f"{sum(b > a for (_, a), (_, b) in steps)} of {len(steps)}"}
    if len(series) > _TURNS:
        told["pattern"] = shape_of(series, signed).evidence
    turns = [f"{_dated(*a, spaced)}, {_dated(*b, spaced)}" for a, b in steps if a[0].year != b[0].year]
    if turns and spaced and spaced[0] != "annual":
        told["turns"] = "; ".join(turns[-_TURNS:])
    return told


def _dated(day: date, value: float, spaced: _Spaced) -> str:
    return f"{_day(day, spaced)} {_number(value)}"


def _day(day: date, spaced: _Spaced) -> str:
    """The end of a period as sources of that frequency write the period."""
    frequency = spaced[0] if spaced else "daily"
    if frequency == "annual":
        return f"{day.year}"
    if frequency == "quarterly":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return f"{day:%Y-%m-%d}" if frequency in ("daily", "weekly") else f"{day:%Y-%m}"


def _number(value: float) -> int | float:
    """Five significant digits are enough to judge by."""
    rounded = float(f"{value:.5g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


_DESCRIPTIONS = {
    "evidence": "the words or figures gone by; at most 8 words",
    "reasoning": "the fact that decides, written before choosing; at most 15 words",
    "source_used": "what the frequency was read off",
    "reporting_frequency": "how often it is reported",
    "time_basis": "what one value stands for",
    "is_cumulative": "true for ytd and running_total only",
    "pattern_type": "how values accumulate",
    "family": "what kind of quantity it is",
    "indicator_type": "the type, of the family in answers",
    "temporal_aggregation": "how values aggregate over time",
    "heat_map_orientation": "whether a higher value is good news",
    "confidence": "0 to 1",
}
_PROSE_FIRST = tuple(_DESCRIPTIONS)[:3]
_ENUMERATIONS = {"source_used": ["periodicity", "dates", "units", "name", "default"]}
"""Text in the model, so that the rules may put it freely; a model that is asked has these to choose from."""

_KEYWORDS = ("type", "enum", "anyOf")


def answer_schema(model: type[StageResult]) -> dict[str, Any]:
    """The JSON schema of an answer, for strict structured outputs; `model` is flat, as tables are.

    Only keywords that every server with strict schemas knows: no bounds of numbers, lengths or patterns, which many
    refuse; pydantic checks those. Prose comes first, since a model that has written its reason chooses better.
    """
    fields = model.model_json_schema()["properties"]
    order = sorted(fields, key=lambda name: _PROSE_FIRST.index(name) if name in _PROSE_FIRST else len(_PROSE_FIRST))
    return {
        "type": "object",
        "properties": {name: _property(name, fields[name]) for name in order},
        "required": order,
        "additionalProperties": False,
    }


def _property(name: str, field: dict[str, Any]) -> dict[str, Any]:
    plain = {keyword: field[keyword] for keyword in _KEYWORDS if keyword in field}
    if name in _ENUMERATIONS:
        plain["enum"] = _ENUMERATIONS[name]
    return plain | ({"description": _DESCRIPTIONS[name]} if name in _DESCRIPTIONS else {})
