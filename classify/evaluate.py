"""How right a provider is: its answers against labels that people gave, field by field.

Works on files alone: no database, no broker, no worker. A file has lines of `{"indicator": {…}, "expected": {…}}`;
the indicator goes through the same door as when it is loaded.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from classify.errors import InvalidIndicatorError, TransientError, UserError
from classify.indicator import Indicator
from classify.intake import indicator_from
from classify.providers import Provider, ask
from classify.providers.hybrid import sure_from
from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question, StageResult
from classify.stages.family import FamilyAssignment
from classify.stages.normalize import Normalization, is_currency_denominated
from classify.stages.orientation import OrientationJudgement
from classify.stages.type import TypeClassification
from classify.taxonomy import FAMILIES, TYPES, Orientation, TemporalAggregation

FIELDS: Mapping[str, tuple[str | bool, ...]] = {
    "family": FAMILIES,
    "indicator_type": TYPES,
    "temporal_aggregation": get_args(TemporalAggregation),
    "is_currency_denominated": (True, False),
    "heat_map_orientation": get_args(Orientation),
}
"""The fields that labels may give, and what they may say."""

R = TypeVar("R", bound=StageResult)

TRIES = 6
"""How often a question is asked where the endpoint was busy or away."""
_LONGEST_PAUSE_S = 20.0

STAGE_OF: Mapping[str, str] = {
    "family": "family",
    "indicator_type": "type",
    "temporal_aggregation": "type",
    "is_currency_denominated": "normalize",
    "heat_map_orientation": "orientation",
}
"""The stage that answers each field."""

BANDS = (0.0, 0.5, 0.7, 0.8, 0.9)
"""Lower ends of the confidence bands of the calibration."""


@dataclass(frozen=True)
class Labelled:
    """One indicator and the labels people gave it; a label may leave fields out."""

    indicator: Indicator
    expected: Mapping[str, str | bool]


@dataclass(frozen=True)
class Miss:
    """One field that a provider answered otherwise than people did."""

    id: str
    name: str
    field: str
    expected: str | bool
    got: str | bool
    confidence: float


@dataclass
class Evaluation:
    """What came of it: `n` indicators; accuracy, confusion and calibration are counted as answers come in."""

    n: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    answered_as: Counter[tuple[str, str | bool, str | bool]] = field(default_factory=Counter)
    bands: dict[float, list[bool]] = field(default_factory=lambda: {low: [] for low in BANDS})
    misses: list[Miss] = field(default_factory=list)
    by_sureness: dict[tuple[str, bool], list[bool]] = field(default_factory=dict)

    @property
    def sureness(self) -> dict[str, dict[str, Any]]:
        """Field → how right the answers are from the confidence on at which `hybrid` does not doubt rules, and below.

        `from`, then `sure` and `unsure`: each `n`, and `accuracy` (0 to 1) or None where there are none.
        """
        return {
            name: {
                "from": sure_from(STAGE_OF[name]),
                **{
                    word: {"n": len(hits), "accuracy": round(sum(hits) / len(hits), 4) if hits else None}
                    for word, hits in (
                        ("sure", self.by_sureness.get((name, True), [])),
                        ("unsure", self.by_sureness.get((name, False), [])),
                    )
                },
            }
            for name in FIELDS
            if self.asked[name]
        }

    @property
    def accuracy(self) -> dict[str, float]:
        """The share of right answers of each field that any label gave (0 to 1)."""
        return {name: round(self.right[name] / self.asked[name], 4) for name in FIELDS if self.asked[name]}

    @property
    def confusion(self) -> list[dict[str, Any]]:
        """Which label was answered as what, most frequent first; right answers are left out."""
        return [
            {"field": name, "expected": expected, "got": got, "count": count}
            for (name, expected, got), count in self.answered_as.most_common()
            if expected != got
        ]

    @property
    def calibration(self) -> list[dict[str, Any]]:
        """Confidence bands with the number of answers and their accuracy: the more confident, the more right?"""
        return [
            {"from": low, "n": len(hits), "accuracy": round(sum(hits) / len(hits), 4)}
            for low, hits in self.bands.items()
            if hits
        ]

    def count(self, row: Labelled, answers: Mapping[str, tuple[str | bool, float]]) -> None:
        """Take in the `answers` (field to value and confidence) for one labelled indicator."""
        self.n += 1
        for name, expected in row.expected.items():
            got, confidence = answers[name]
            hit = got == expected
            self.asked[name] += 1
            self.right[name] += hit
            self.answered_as[name, expected, got] += 1
            self.by_sureness.setdefault((name, confidence >= sure_from(STAGE_OF[name])), []).append(hit)
            self.bands[max(low for low in BANDS if low <= confidence)].append(hit)
            if not hit:
                self.misses.append(Miss(row.indicator.id, row.indicator.name, name, expected, got, confidence))


def read_labelled(path: Path | str) -> Iterator[Labelled]:
    """The labelled indicators of a file, in its order; empty lines are skipped.

    Raises
    ------
    UserError
        When the file cannot be read, or a line is not of the form; the message names file and line.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    found = False
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found = True
            yield _labelled(line, f"{path}:{number}")
    if not found:
        raise UserError(f"{path} has no labelled indicators")


def _labelled(line: bytes, place: str) -> Labelled:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{place}: not JSON ({error})") from None
    except RecursionError:
        raise UserError(f"{place}: not JSON that can be read (nested too deep)") from None
    if not isinstance(record, dict) or not {"indicator", "expected"} <= record.keys():
        raise UserError(f'{place}: not an object with "indicator" and "expected"')
    expected = record["expected"]
    if not isinstance(expected, dict) or not expected.keys() & FIELDS.keys():
        raise UserError(f'{place}: "expected" gives none of {", ".join(FIELDS)}')
    labels = {name: expected[name] for name in FIELDS if expected.get(name) is not None}
    for name, label in labels.items():
        known = FIELDS[name]
        if not any(label is k if isinstance(k, bool) else label == k for k in known):
            raise UserError(f"{place}: {name} cannot be {json.dumps(label)}; it is one of {', '.join(map(str, known))}")
    try:
        indicator, _ = indicator_from(record["indicator"])
    except InvalidIndicatorError as error:
        raise UserError(f"{place}: {error}") from None
    return Labelled(indicator, labels)


def answers_of(provider: Provider, indicator: Indicator) -> dict[str, tuple[str | bool, float]]:
    """Every labelled field as `provider` answers it through the stages, with the confidence of its stage."""
    findings = Findings()
    for question in QUESTIONS:
        findings = findings.adding(_patiently(provider, question, indicator, findings))
    unit, family = findings[Normalization], findings[FamilyAssignment]
    kind, orientation = findings[TypeClassification], findings[OrientationJudgement]
    return {
        "family": (family.family, family.confidence),
        "indicator_type": (kind.indicator_type, kind.confidence),
        "temporal_aggregation": (kind.temporal_aggregation, kind.confidence),
        "is_currency_denominated": (is_currency_denominated(unit), unit.parsing_confidence),
        "heat_map_orientation": (orientation.heat_map_orientation, orientation.confidence),
    }


def _patiently(provider: Provider, question: Question[R], indicator: Indicator, findings: Findings) -> R:
    """The answer, asked for again where that may help."""
    for tried in range(TRIES):
        try:
            return ask(provider, question, indicator, findings).result
        except TransientError as error:
            if tried == TRIES - 1:
                raise
            time.sleep(min(_LONGEST_PAUSE_S, error.retry_after or 2.0**tried) * random.uniform(1.0, 1.5))
    raise AssertionError("unreachable")


def evaluate(rows: Iterable[Labelled], provider: Provider, at_a_time: int = 1) -> Evaluation:
    """Ask `provider` about every labelled indicator and count, in the order of the rows.

    Parameters
    ----------
    at_a_time
        Indicators in hand at once: an LLM answers many in the time of one.

    Raises
    ------
    ProviderError
        When a question has no answer, after some tries where another may help.
    """
    evaluation = Evaluation()
    rows = list(rows)
    if at_a_time == 1:
        answers: Iterable[dict[str, tuple[str | bool, float]]] = (answers_of(provider, row.indicator) for row in rows)
        for row, answered in zip(rows, answers, strict=True):
            evaluation.count(row, answered)
        return evaluation
    with ThreadPoolExecutor(at_a_time) as pool:
        for row, answered in zip(rows, pool.map(lambda row: answers_of(provider, row.indicator), rows), strict=True):
            evaluation.count(row, answered)
    return evaluation


def read_all(paths: Sequence[Path | str]) -> list[Labelled]:
    """The labelled indicators of all files, read to the end before anything is asked.

    Raises
    ------
    UserError
        As `read_labelled`.
    """
    return [row for path in paths for row in read_labelled(path)]
