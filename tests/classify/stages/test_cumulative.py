"""Whether values accumulate: year-to-date, for ever, or not at all, over hundreds of made-up series of each kind."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from classify.indicator import Indicator
from classify.stages import cumulative, normalize, time
from classify.stages.base import Findings
from classify.stages.cumulative import SETTLED_CONFIDENCE, CumulativeDetection, detect_cumulative, settled
from tests.classify.stages import made_series as made

SEEDS = range(200)
EXPORTS = {"name": "Merchandise exports", "units": "USD millions"}
BALANCE = {"name": "Budget balance", "units": "USD millions"}


def findings_of(indicator: Indicator) -> Findings:
    findings = Findings()
    for question in (normalize.STAGE, time.STAGE):
        findings = findings.adding(question.rules(indicator, findings))
    return findings


def indicator_of(series: made.Series, **columns: Any) -> Indicator:
    return Indicator(id="x", sample_values=[{"date": day, "value": v} for day, v in series], **columns)


def detected(series: made.Series, **columns: Any) -> CumulativeDetection:
    indicator = indicator_of(series, **columns)
    return cumulative.STAGE.rules(indicator, findings_of(indicator))


def patterns(maker: made.Maker, **columns: Any) -> Counter[str]:
    return Counter(detected(maker(Random(seed)), **columns).pattern_type for seed in SEEDS)


@pytest.mark.parametrize(
    "maker",
    [made.ytd_monthly, made.ytd_quarterly, made.ytd_weekly, made.ytd_daily, made.ytd_deficit],
    ids=lambda maker: maker.__name__,
)
def test_year_to_date_is_found_by_the_values_alone(maker: made.Maker) -> None:
    answers = [detected(maker(Random(seed)), **EXPORTS) for seed in SEEDS]
    assert sum(a.pattern_type == "ytd" for a in answers) >= 0.99 * len(SEEDS)
    assert sum(a.confidence >= SETTLED_CONFIDENCE for a in answers) >= 0.9 * len(SEEDS)


def test_a_balance_that_wanders_within_the_year_is_found() -> None:
    assert patterns(made.ytd_balance, **BALANCE)["ytd"] >= 0.95 * len(SEEDS)
    assert patterns(made.ytd_balance, name="Budget balance, YTD", units="USD mn")["ytd"] == len(SEEDS)


@pytest.mark.parametrize(
    "maker",
    [
        made.seasonal_monthly, made.december_peak, made.sawtooth_season, made.seasonal_quarterly,
        made.noise_about_level, made.random_walk, made.growing_level, made.growing_yearly, made.spikes, made.constant,
    ],
    ids=lambda maker: maker.__name__,
)  # fmt: skip
def test_what_does_not_accumulate_is_told_apart(maker: made.Maker) -> None:
    assert patterns(maker, **EXPORTS)["periodic"] >= 0.99 * len(SEEDS)


@pytest.mark.parametrize(
    "maker",
    [made.noise_about_zero, made.walk_about_zero, made.seasonal_monthly, made.random_walk],
    ids=lambda maker: maker.__name__,
)
def test_a_balance_that_does_not_accumulate_is_told_apart(maker: made.Maker) -> None:
    assert patterns(maker, **BALANCE)["periodic"] >= 0.97 * len(SEEDS)


def test_a_running_total_is_found_from_its_beginning_or_by_its_words() -> None:
    assert patterns(made.running_total_from_start, name="Vaccine doses", units="Number")["running_total"] >= 0.97 * len(
        SEEDS
    )
    for name in ("Cumulative vaccine doses", "Vaccine doses, running total", "Grants since inception"):
        assert patterns(made.running_total_late, name=name, units="Number")["running_total"] == len(SEEDS)


def test_growth_without_a_word_is_not_settled_where_its_kind_is_unknown() -> None:
    for maker in (made.growing_level, made.running_total_late, made.running_total_from_start):
        answers = [detected(maker(Random(seed)), name="Thing", units="Number") for seed in SEEDS]
        assert all(a.confidence < SETTLED_CONFIDENCE for a in answers)


def test_a_stock_that_grows_is_settled() -> None:
    answers = [detected(made.growing_level(Random(seed)), name="Population", units="persons") for seed in SEEDS]
    assert all(a.pattern_type == "periodic" and a.confidence >= SETTLED_CONFIDENCE for a in answers)


def test_too_little_to_see_is_unknown() -> None:
    answers = [detected(made.too_short(Random(seed)), **EXPORTS) for seed in SEEDS]
    assert all(a.pattern_type == "unknown" and a.confidence < 0.5 and not a.is_cumulative for a in answers)


@pytest.mark.parametrize("units", ["%", "% of GDP", "Index, 2010=100", "ratio", "days", "per 1,000 people"])
def test_rates_and_indices_never_accumulate(units: str) -> None:
    for maker in (made.ytd_monthly, made.running_total_from_start):
        answer = detected(maker(Random(1)), name="Return, year-to-date", units=units)
        assert (answer.pattern_type, answer.is_cumulative) == ("periodic", False)
        assert answer.confidence >= 0.95


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Revenue, YTD", "ytd"), ("Revenue (Year-to-Date)", "ytd"), ("Revenue, fiscal year to date", "ytd"),
        ("Revenue, Jan-", "ytd"), ("Revenue, cumulative from January", "ytd"), ("Revenue, Jan-Sep", "ytd"),
        ("Revenue, cumulative in the year", "ytd"),
        ("Revenue since the beginning of the year", "ytd"), ("Cumulative cases", "running_total"),
        ("Cases, running total", "running_total"), ("Disbursements since inception", "running_total"),
        ("Area burnt since 1990", "running_total"), ("Sales, 12-month rolling sum", "periodic"),
        ("Sales, trailing twelve months", "periodic"), ("Sales, TTM", "periodic"),
        ("Accumulated depreciation", "periodic"), ("Accumulated losses", "periodic"),
        ("Cumulative change in employment", "periodic"), ("Non-cumulative revenue", "periodic"),
    ],
)  # fmt: skip
def test_words_decide_where_there_are_no_values(name: str, pattern: str) -> None:
    answer = detected([], name=name, units="USD millions", periodicity="Monthly")
    assert answer.pattern_type == pattern
    assert answer.confidence >= SETTLED_CONFIDENCE


def test_a_definition_counts_only_where_it_cannot_be_meant_otherwise() -> None:
    def pattern(definition: str) -> str:
        return detected(
            [], name="Oil output", units="barrels", periodicity="Monthly", definition=definition
        ).pattern_type

    assert pattern("Cumulative production from January to the current month.") == "ytd"
    assert pattern("Cumulative total of barrels.") == "running_total"
    assert pattern("Unlike cumulative figures this is the output of the month.") == "unknown"


def test_words_that_the_values_contradict_are_not_settled() -> None:
    for seed in SEEDS:
        answer = detected(made.seasonal_monthly(Random(seed)), name="Exports, YTD", units="USD mn")
        assert answer.confidence < SETTLED_CONFIDENCE


def test_one_value_a_year_cannot_be_year_to_date() -> None:
    answer = detected([], **EXPORTS, periodicity="Annual")
    assert (answer.pattern_type, answer.confidence >= SETTLED_CONFIDENCE) == ("periodic", True)
    assert detected([], **EXPORTS, periodicity="Monthly").pattern_type == "unknown"


def test_several_values_for_a_date_are_no_series() -> None:
    series = [(day, value * k) for k in (1, 7) for day, value in made.ytd_monthly(Random(3))]
    assert detected(series, **EXPORTS).pattern_type == "unknown"


def test_the_answer_does_not_depend_on_the_order() -> None:
    for seed in SEEDS:
        series = made.ytd_monthly(Random(seed))
        assert detected(series, **EXPORTS) == detected(series[::-1], **EXPORTS)


def test_the_evidence_gives_the_figures() -> None:
    series = [(f"{2020 + i // 12}-{i % 12 + 1:02}", 100.0 * (i % 12 + 1)) for i in range(48)]
    answer = detected(series, **EXPORTS)
    assert answer.evidence == (
        "3 of 3 turns of the year in January fall back, to 8% of the value before;"
        " within the years 44 of 44 steps climb"
    )
    assert answer.is_cumulative


def test_settled_says_whether_an_llm_is_needed() -> None:
    clear = indicator_of(made.ytd_monthly(Random(2)), **EXPORTS)
    assert settled(detect_cumulative(clear, findings_of(clear)))
    open_question = indicator_of([], **EXPORTS, periodicity="Monthly")
    assert not settled(detect_cumulative(open_question, findings_of(open_question)))


def test_a_year_that_only_began_is_a_guess() -> None:
    answer = detected([(f"2024-{m:02}", 414.0 * m) for m in range(1, 10)], **EXPORTS)
    assert (answer.pattern_type, answer.confidence < SETTLED_CONFIDENCE) == ("ytd", True)
    told = detected([(f"2024-{m:02}", 414.0 * m) for m in range(1, 10)], name="Exports (YTD)", units="USD mn")
    assert (told.pattern_type, told.confidence >= SETTLED_CONFIDENCE) == ("ytd", True)


@pytest.mark.parametrize("size", [1e-300, 1e306])
def test_extreme_values_do_no_harm(size: float) -> None:
    series = [(f"{2020 + i // 12}-{i % 12 + 1:02}", size * (i % 12 + 1)) for i in range(48)]
    assert detected(series, **EXPORTS).pattern_type == "ytd"


def test_steps_that_only_happen_between_years_do_no_harm() -> None:
    series = [(f"{2020 + i // 12}-{i % 12 + 1:02}", float(i // 12 % 2)) for i in range(48)]
    assert not detected(series, **BALANCE).is_cumulative


def test_any_series_gets_an_answer() -> None:
    rng = Random(1)
    labels = ["2024-01", "2024-Q1", "2017", "last10YearsAvg", "2024-12-01", "1999-H1"]
    names = ["Exports", "Debt", "Revenue YTD", "Cumulative cases", "Budget balance", "Output, 12-month sum", "Thing"]
    for _ in range(1_000):
        years = [rng.randint(1990, 2024) for _ in range(rng.randint(0, 40))]
        days = [rng.choice(labels) if rng.random() < 0.3 else f"{year}-06" for year in years]
        series = [(day, rng.choice([0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, rng.gauss(0, 1)])) for day in days]
        answer = detected(series, name=rng.choice(names), units=rng.choice([None, "USD mn", "number"]))
        assert answer.is_cumulative == (answer.pattern_type in ("ytd", "running_total"))
