"""The type and its temporal aggregation: right where people have labelled, and never at odds with the other stages."""

from pathlib import Path

import pytest

from classify.stages import type as type_stage
from classify.stages.base import Findings
from classify.stages.cumulative import CumulativeDetection
from classify.stages.family import FamilyAssignment
from classify.stages.normalize import Normalization
from classify.stages.type import TypeClassification
from classify.taxonomy import CUMULATIVE_TYPES, FAMILIES, FAMILY_TYPES, Family
from tests.classify.stages.measured import accuracy, answers, each_labelled_file, everything, findings_of, indicator


@each_labelled_file
def test_most_types_and_aggregations_are_right(path: Path) -> None:
    assert accuracy(path, "indicator_type") >= 0.85
    assert accuracy(path, "temporal_aggregation") >= 0.75


def test_type_family_and_accumulation_agree_everywhere() -> None:
    for i in everything():
        findings = findings_of(i)
        kind = findings[TypeClassification].indicator_type
        assert kind in FAMILY_TYPES[findings[FamilyAssignment].family], i.name
        if findings[CumulativeDetection].is_cumulative:
            assert kind in CUMULATIVE_TYPES, i.name
            assert findings[TypeClassification].temporal_aggregation == "period-cumulative", i.name


def _typed(name: str, units: str, family: Family | None = None, cumulative: bool = False) -> TypeClassification:
    of = indicator(name, units)
    found = findings_of(of)
    return type_stage.STAGE.rules(
        of,
        Findings(
            [
                found[Normalization],
                CumulativeDetection(
                    is_cumulative=cumulative, pattern_type="periodic", confidence=1, evidence="", reasoning=""
                ),
                found[FamilyAssignment]
                if family is None
                else FamilyAssignment(family=family, confidence=1, reasoning=""),
            ]
        ),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["Government Debt", "Inflation Rate", "Wheat", "Household Survey"])
def test_the_type_stays_within_a_family_that_someone_else_gave(name: str, family: Family) -> None:
    typed = _typed(name, "%", family)
    assert typed.indicator_type in FAMILY_TYPES[family]


def test_a_foreign_family_makes_it_less_sure() -> None:
    assert _typed("Government Debt", "USD Million", "price-value").confidence <= 0.5
    assert _typed("Government Debt", "USD Million").confidence >= 0.8


def test_what_adds_up_is_a_flow_a_volume_or_a_count() -> None:
    typed = _typed("Government Revenue", "USD Million", cumulative=True)
    assert (typed.indicator_type, typed.temporal_aggregation) == ("flow", "period-cumulative")


@pytest.mark.parametrize(
    ("name", "units", "values", "kind", "aggregation"),
    [
        ("Public Debt", "USD Million", [100, 101], "stock", "point-in-time"),
        ("Public Debt Change", "USD Million", [100, -3], "balance", "period-total"),
        ("Public Debt to GDP", "percent of GDP", [60, 61], "ratio", "not-applicable"),
        ("Interest Payments on Public Debt", "USD Million", [10, 11], "flow", "period-total"),
        ("Coal Exports", "Thousand Tonnes", [10, 11], "flow", "period-total"),
        ("Coal Stocks", "Thousand Tonnes", [10, 11], "stock", "point-in-time"),
        ("Coal Price", "USD/Tonne", [101, 102], "price", "point-in-time"),
        ("Coal Consumption", "tonnes per capita", [1.1, 1.2], "ratio", "not-applicable"),
        ("Truck Sales", "Units", [1000, 1100], "volume", "period-total"),
        ("Truck Registrations", "Units", [1000, 1100], "count", "period-total"),
        ("Bank Branches", "Number", [1000, 1100], "count", "point-in-time"),
        ("Oil Output", "Thousand barrels per day", [1000, 1100], "flow", "period-rate"),
        ("Average Hourly Earnings", "USD", [30.1, 30.2], "price", "period-average"),
        ("Weekly Credit Spread", "basis points", [130, 132], "spread", "not-applicable"),
        ("20-Year Government Bond", "%", [4.1, 4.2], "yield", "point-in-time"),
        ("Construction PMI", "points", [49.1, 50.2], "index", "period-average"),
        ("Services Price Index", "points", [149.1, 150.2], "index", "point-in-time"),
    ],
)
def test_one_subject_in_many_measures(name: str, units: str, values: list[float], kind: str, aggregation: str) -> None:
    got = answers(name, units, values)
    assert (got["indicator_type"], got["temporal_aggregation"]) == (kind, aggregation)
