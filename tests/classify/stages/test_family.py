"""The family: right where people have labelled, consistent everywhere, honest about how sure it is."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.indicator import Indicator
from classify.stages.family import FamilyAssignment
from tests.classify.stages.measured import (
    accuracy,
    answers,
    each_labelled_file,
    evaluation_of,
    everything,
    findings_of,
    indicator,
)


@each_labelled_file
def test_nine_in_ten_families_are_right(path: Path) -> None:
    assert accuracy(path, "family") >= 0.9


@each_labelled_file
def test_nineteen_in_twenty_currency_denominations_are_right(path: Path) -> None:
    assert accuracy(path, "is_currency_denominated") >= 0.95


@pytest.mark.parametrize(
    ("name", "units", "values", "family"),
    [
        ("Retail Sales", "%", [0.4, -1.2, 0.9], "change-movement"),
        ("Retail Sales", "EUR Million", [5400, 5500, 5600], "physical-fundamental"),
        ("Retail Sales to GDP", "percent of GDP", [40, 41, 42], "numeric-measurement"),
        ("Retail Sales Index", "points", [101, 102, 103], "composite-derived"),
        ("Retail Sales Growth Volatility", "%", [3, 4, 3], "change-movement"),
        ("Deposit Interest Rate", "%", [4.1, 4.2, 4.2], "price-value"),
        ("Deposit Growth", "%", [4.1, 4.2, 4.2], "change-movement"),
        ("Deposits", "USD Million", [4100, 4200, 4250], "physical-fundamental"),
        ("Probability of a Default on Deposits", "%", [4.1, 4.2, 4.2], "temporal"),
        ("Consumer Confidence", "points", [-10, -11, -9], "qualitative"),
        ("Business Confidence", "points", [-10, -11, -9], "composite-derived"),
        ("XYZZY", None, [], "other"),
    ],
)
def test_units_words_and_values_decide_together(name: str, units: str, values: list[float], family: str) -> None:
    assert answers(name, units, values)["family"] == family


def test_other_is_rare() -> None:
    families = Counter(findings_of(i)[FamilyAssignment].family for i in everything())
    assert families["other"] < 0.02 * families.total()


def test_reasoning_names_what_decided() -> None:
    reasoning = findings_of(indicator("Core Inflation YoY", "%", [2.5, 2.4]))[FamilyAssignment].reasoning
    assert "“Inflation”" in reasoning
    assert reasoning.endswith(".")


def test_a_code_for_a_name_is_completed_by_the_long_name() -> None:
    assert answers("NGDP_RPCH", "%", long_name="Real GDP growth")["family"] == "change-movement"


def test_nothing_known_is_said_with_little_confidence() -> None:
    assert findings_of(indicator("Series 17"))[FamilyAssignment].confidence <= 0.5
    assert findings_of(indicator("Core Inflation YoY", "%"))[FamilyAssignment].confidence >= 0.9


@each_labelled_file
def test_confident_answers_are_right_answers(path: Path) -> None:
    bands = evaluation_of(path).calibration

    def right(low: float) -> float:
        sure = [band for band in bands if band["from"] >= low]
        return sum(band["n"] * band["accuracy"] for band in sure) / sum(band["n"] for band in sure)

    assert right(0.9) >= 0.98
    assert right(0.8) >= 0.95
    assert right(0.9) >= right(0.8) - 0.005 >= right(0.0) - 0.01


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(min_size=1, max_size=60).filter(str.strip),
    units=st.none() | st.text(max_size=30),
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=12),
)
def test_rules_never_raise(name: str, units: str | None, values: list[float]) -> None:
    findings_of(indicator(name, units, values))


@pytest.mark.parametrize("text", ["(" * 5000, "a " * 2500, "growth to " * 900, "% of " * 900, "-" * 4000])
def test_a_hostile_name_takes_no_time(text: str) -> None:
    from time import perf_counter

    begun = perf_counter()
    findings_of(Indicator(id="x", name=text, units=text[:300], long_name=text))
    assert perf_counter() - begun < 1.0
