"""The orientation: right where people have labelled, and words that turn a meaning around turn the answer around."""

from pathlib import Path

import pytest

from tests.classify.stages.measured import accuracy, answers, each_labelled_file

UP, DOWN, NEUTRAL = "higher-is-positive", "lower-is-positive", "neutral"


@each_labelled_file
def test_most_orientations_are_right(path: Path) -> None:
    assert accuracy(path, "heat_map_orientation") >= 0.85


@pytest.mark.parametrize(
    ("name", "units", "orientation"),
    [
        ("Youth Employment Rate", "%", UP),
        ("Youth Unemployment Rate", "%", DOWN),
        ("Adequacy of unemployment benefits", "% of total welfare", UP),
        ("People with access to clean water", "% of population", UP),
        ("People without access to clean water", "% of population", DOWN),
        ("Infant mortality", "per 1,000 live births", DOWN),
        ("Decline in infant mortality", "%", UP),
        ("Loan Growth", "%", UP),
        ("Non-Performing Loans", "%", DOWN),
        ("Non-oil Exports", "USD Million", UP),
        ("Non-oil Imports", "USD Million", NEUTRAL),
        ("Adult literacy", "% of adults", UP),
        ("Adult illiteracy", "% of adults", DOWN),
        ("Food Inflation", "%", DOWN),
        ("Food Price Index", "points", NEUTRAL),
        ("Prices Paid Index", "points", DOWN),
        ("Debt relief", "USD Million", UP),
        ("Public debt", "USD Million", DOWN),
        ("Budget Balance", "USD Million", UP),
        ("Balance of Trade", "USD Million", NEUTRAL),
        ("Children out of school", "% of primary school age", DOWN),
        ("School enrollment, primary", "% net", UP),
        ("Population ages 0-14", "% of total population", NEUTRAL),
        ("Exchange Rate", "LCU per US$", NEUTRAL),
        ("Minimum Wages", "EUR/Month", UP),
    ],
)
def test_words_turn_the_answer_around(name: str, units: str, orientation: str) -> None:
    assert answers(name, units)["heat_map_orientation"] == orientation
