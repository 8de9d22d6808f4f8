"""How often an indicator is reported, and what one of its values stands for."""

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from classify.indicator import Indicator
from classify.rules.series import spacing
from classify.stages.base import Findings
from classify.stages.normalize import normalize
from classify.stages.time import TimeInference, infer_time


def inferred(name: str = "Thing", dates: list[str] | None = None, **columns: Any) -> TimeInference:
    values = [{"date": day, "value": float(i)} for i, day in enumerate(dates or [])]
    indicator = Indicator(id="x", name=name, sample_values=values, **columns)
    return infer_time(indicator, Findings([normalize(indicator, Findings())]))


@pytest.mark.parametrize(
    ("periodicity", "frequency"),
    [
        ("Monthly", "monthly"), ("monthly", "monthly"), ("M", "monthly"), ("Every two months", "monthly"),
        ("Quarterly", "quarterly"), ("Q", "quarterly"), ("Quarterly (represented as Annual)", "annual"),
        ("Annual", "annual"), ("Yearly", "annual"), ("A", "annual"), ("Every 5 years", "annual"),
        ("Biennial", "annual"),
        ("Biannually", "semi-annual"), ("Semi-annual", "semi-annual"), ("Half-yearly", "semi-annual"),
        ("Twice a year", "semi-annual"), ("Weekly", "weekly"), ("Every two weeks", "weekly"), ("Biweekly", "weekly"),
        ("Daily", "daily"), ("Business daily", "daily"), ("Intraday", "daily"), ("Irregular", "point-in-time"),
    ],
)  # fmt: skip
def test_the_periodicity_says_it(periodicity: str, frequency: str) -> None:
    result = inferred(periodicity=periodicity)
    assert (result.reporting_frequency, result.source_used) == (frequency, "periodicity")


def labels(gap: int, count: int = 24) -> list[str]:
    return [(date(2020, 1, 31) + timedelta(days=gap * i)).isoformat() for i in range(count)]


@pytest.mark.parametrize(
    ("dates", "frequency"),
    [
        ([day for day in labels(1, 40) if date.fromisoformat(day).weekday() < 5], "daily"),
        (labels(7), "weekly"),
        (labels(30), "monthly"),
        ([f"{year}-{month:02}" for year in (2022, 2023) for month in range(1, 13)], "monthly"),
        ([f"{year}-Q{quarter}" for year in (2022, 2023) for quarter in range(1, 5)], "quarterly"),
        ([f"{year}-{month:02}-01" for year in (2022, 2023) for month in (1, 4, 7, 10)], "quarterly"),
        ([f"{year}-H{half}" for year in (2021, 2022, 2023) for half in (1, 2)], "semi-annual"),
        ([str(year) for year in range(2010, 2024)], "annual"),
        (["1990", "2000", "2005", "2010"], "annual"),
    ],
)
def test_the_dates_say_it(dates: list[str], frequency: str) -> None:
    rng = Random(1)
    with_gaps = [day for day in dates if rng.random() > 0.2]
    for given in (dates, dates[::-1], with_gaps, [*dates, "last10YearsAvg", "last10YearsAvg"]):
        result = inferred(dates=given)
        assert (result.reporting_frequency, result.source_used) == (frequency, "dates")


def test_few_dates_are_less_sure() -> None:
    assert (
        inferred(name="Exports", dates=labels(30, 2)).confidence < inferred(name="Exports", dates=labels(30)).confidence
    )


def test_a_periodicity_that_the_dates_contradict_is_less_sure() -> None:
    result = inferred("Exports", dates=labels(91), periodicity="Monthly")
    assert (result.reporting_frequency, result.source_used) == ("monthly", "periodicity")
    assert result.confidence <= 0.75


def test_regular_dates_beat_an_irregular_periodicity() -> None:
    result = inferred("Exports", dates=labels(30), periodicity="Irregular")
    assert (result.reporting_frequency, result.source_used) == ("monthly", "dates")


@pytest.mark.parametrize(
    ("columns", "frequency", "source"),
    [
        ({"name": "GDP growth", "units": "annual %"}, "annual", "units"),
        ({"name": "Income threshold", "units": "USD per year"}, "annual", "units"),
        ({"name": "New Home Sales MoM", "units": "%"}, "monthly", "name"),
        ({"name": "GDP growth QoQ", "units": "%"}, "quarterly", "name"),
        ({"name": "Oil output", "units": "barrels per day"}, "annual", "default"),
        ({"name": "Average weekly hours", "units": "hours per week"}, "annual", "default"),
    ],
)
def test_units_and_name_stand_in(columns: dict[str, str], frequency: str, source: str) -> None:
    result = inferred(**columns)
    assert (result.reporting_frequency, result.source_used) == (frequency, source)
    assert result.confidence <= (0.3 if source == "default" else 0.7)


@pytest.mark.parametrize(
    ("name", "units", "basis"),
    [
        ("Exports of goods", "USD millions", "per-period"), ("Trade balance", "USD millions", "per-period"),
        ("Housing Starts", "thousands of units", "per-period"), ("Inflation Rate (YoY)", "%", "per-period"),
        ("Trading volume", "millions of shares", "per-period"), ("Debt service", "USD", "per-period"),
        ("Change in inventories", "USD millions", "per-period"), ("Revenue (% of GDP)", "% of GDP", "per-period"),
        ("Credit growth", "%", "per-period"), ("Private Sector Credit", "%", "per-period"),
        ("Debt to GDP", "%", "point-in-time"), ("GDP per capita, constant prices", "National currency", "per-period"),
        ("Official exchange rate", "LCU per US$, period average", "per-period"),
        ("Employment Change", "Persons", "per-period"), ("Stock-bond correlation", "coefficient", "per-period"),
        ("Government debt", "USD billions", "point-in-time"), ("Foreign reserves", "USD", "point-in-time"),
        ("Population, total", "Number", "point-in-time"), ("Gold spot price", "USD per ounce", "point-in-time"),
        ("Policy interest rate", "%", "point-in-time"), ("10-Year Treasury Yield", "%", "point-in-time"),
        ("Consumer Price Index", "Index, 2010=100", "point-in-time"), ("Parallel FX Rate", "PKR", "point-in-time"),
        ("Recession probability", "%", "point-in-time"), ("Deposits, end of period", "USD", "point-in-time"),
        ("Oil production (Year-to-Date)", "million barrels", "cumulative"),
        ("Cumulative cases", "number", "cumulative"), ("Fiscal revenue, YTD", "EUR mn", "cumulative"),
        ("Return YTD", "%", "per-period"), ("Exports, 12-month rolling sum", "USD mn", "per-period"),
    ],
)  # fmt: skip
def test_the_basis_follows_words_units_and_kind(name: str, units: str, basis: str) -> None:
    assert inferred(name, units=units, periodicity="Monthly").time_basis == basis


def test_values_that_start_again_every_year_are_cumulative() -> None:
    values = [{"date": f"{2020 + i // 12}-{i % 12 + 1:02}", "value": 100.0 * (i % 12 + 1)} for i in range(48)]
    indicator = Indicator.model_validate({"id": "x", "name": "Exports", "units": "USD mn", "sample_values": values})
    result = infer_time(indicator, Findings([normalize(indicator, Findings())]))
    assert (result.reporting_frequency, result.time_basis) == ("monthly", "cumulative")


def test_dates_without_any_rhythm_are_a_guess() -> None:
    days = [date(2000, 1, 1)]
    for gap in (1, 7, 30, 90, 180, 365, 2, 8, 31, 91, 182, 366):
        days.append(days[-1] + timedelta(days=gap))
    assert inferred("Exports", dates=[day.isoformat() for day in days]).confidence < 0.7


def test_two_values_centuries_apart_are_annual_at_most() -> None:
    assert spacing([date(1500, 12, 31), date(2100, 12, 31)]) == ("annual", 0.83, 1)
