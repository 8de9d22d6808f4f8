"""What the rules answer about labelled indicators, for the tests of the stages that judge what an indicator is."""

import gzip
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from classify.evaluate import Evaluation, answers_of, evaluate, read_labelled
from classify.indicator import Indicator
from classify.intake import indicator_from
from classify.providers.rules import RulesProvider
from classify.stages import QUESTIONS
from classify.stages.base import Findings

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
KNOWN = Path(__file__).with_name("known_indicators.jsonl")
LABELLED = [KNOWN, SHARED / "labelled_fixtures.jsonl", SHARED / "labelled_production.jsonl"]
each_labelled_file = pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.skipif(not p.exists(), reason="data not here"), id=p.stem) for p in LABELLED],
)


@lru_cache
def evaluation_of(path: Path) -> Evaluation:
    return evaluate(read_labelled(path), RulesProvider())


def accuracy(path: Path, field: str) -> float:
    return evaluation_of(path).accuracy[field]


def indicator(name: str, units: str | None = None, values: list[float] | None = None, **columns: Any) -> Indicator:
    sample = [{"date": f"2023-{month:02}", "value": value} for month, value in enumerate(values or [], start=1)]
    return Indicator(id="x", name=name, units=units, sample_values=sample, **columns)


def answers(name: str, units: str | None = None, values: list[float] | None = None, **columns: Any) -> dict[str, Any]:
    given = answers_of(RulesProvider(), indicator(name, units, values, **columns))
    return {field: value for field, (value, _) in given.items()}


def findings_of(of: Indicator) -> Findings:
    findings = Findings()
    for question in QUESTIONS:
        findings = findings.adding(question.rules(of, findings))
    return findings


def everything() -> Iterator[Indicator]:
    """One indicator of each distinct name and units of all the data that is here."""
    for path in (p for p in LABELLED if p.exists()):
        yield from (row.indicator for row in read_labelled(path))
    seen = set()
    for path in (SHARED / "fred_md.jsonl", SHARED / "indicators_10903.jsonl.gz"):
        if not path.exists():
            continue
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for line in lines:
                record = json.loads(line)
                if (key := (record["name"], record["units"])) not in seen:
                    seen.add(key)
                    yield indicator_from(record)[0]
