"""Each kind of series does what its name says, and dates come in forms that can be read."""

from itertools import pairwise
from random import Random

import pytest

from classify.dates import period_end
from classify.samples.series import KINDS, Shape
from classify.samples.timeline import FORMS, LONGEST, timeline

JUNE_2025 = 2025 * 12 + 5
MONTHLY = range(2020 * 12 + 3, 2020 * 12 + 3 + 60)
SEEDS = range(50)


def values(kind: str, seed: int, shape: Shape) -> list[float]:
    return KINDS[kind].values(Random(seed), shape, MONTHLY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_gives_one_value_a_period_and_the_same_for_the_same_seed(kind: str) -> None:
    shape = Shape(level=50, swing=KINDS[kind].swing or 1.0, low=0, high=100)
    assert len(values(kind, 1, shape)) == len(MONTHLY)
    assert values(kind, 1, shape) == values(kind, 1, shape)


@pytest.mark.parametrize("start", [0, 3, 6, 9])
def test_ytd_rises_within_the_year_and_starts_again(start: int) -> None:
    for seed in SEEDS:
        series = values("ytd", seed, Shape(100, 0.08, year_start=start))
        for month, (before, now) in zip(MONTHLY[1:], pairwise(series), strict=True):
            assert now < before if month % 12 == start else now > before
        assert max(series) < 100 * 12 * 1.4


def test_quarterly_ytd_starts_again_each_year() -> None:
    months = timeline("quarterly", 0, JUNE_2025).months
    series = KINDS["ytd"].values(Random(1), Shape(100, 0.08), months)
    for month, (before, now) in zip(months[1:], pairwise(series), strict=True):
        assert now < before if month % 12 == 2 else now > before


def test_a_running_total_never_falls() -> None:
    for seed in SEEDS:
        assert all(now > before for before, now in pairwise(values("total", seed, Shape(100, 0.2))))


@pytest.mark.parametrize("kind", ["bounded", "signed", "steps", "stock", "price"])
def test_bounds_hold(kind: str) -> None:
    for seed in SEEDS:
        assert all(-2 <= v <= 3 for v in values(kind, seed, Shape(2, 0.5, low=-2, high=3)))


@pytest.mark.parametrize("kind", ["signed", "balance"])
def test_both_signs_occur(kind: str) -> None:
    series = [v for seed in SEEDS for v in values(kind, seed, Shape(1, 1.0))]
    assert min(series) < 0 < max(series)


@pytest.mark.parametrize("kind", ["stock", "price", "index", "flow", "seasonal"])
def test_magnitudes_stay_positive(kind: str) -> None:
    for seed in SEEDS:
        assert min(values(kind, seed, Shape(1, KINDS[kind].swing or 0.0))) > 0


def test_a_season_comes_back_every_year() -> None:
    series = values("seasonal", 3, Shape(100, 0.3))
    year = [sum(series[month::12]) for month in range(12)]
    assert max(year) > 1.4 * min(year)


def test_constant_and_steps_move_seldom() -> None:
    assert set(values("constant", 1, Shape(2.6, 0))) == {2.5}
    series = values("steps", 1, Shape(5.1, 0.25, low=0, high=10))
    assert all((v / 0.25).is_integer() for v in series)
    assert 0 < sum(now != before for before, now in pairwise(series)) < 25


@pytest.mark.parametrize(("periodicity", "form"), [(p, f) for p, forms in FORMS.items() for f in range(len(forms))])
def test_dates_can_be_read_and_rise(periodicity: str, form: int) -> None:
    for end in (JUNE_2025, JUNE_2025 - 1, JUNE_2025 - 41):
        line = timeline(periodicity, form, end)
        days = [day for day in map(period_end, line.labels) if day]
        assert len(days) == len(line.months) == LONGEST
        assert all(before < now for before, now in pairwise(days))
        assert [day.year * 12 + day.month - 1 for day in days] == list(line.months)
        assert line.months[-1] <= end


def test_dates_are_written_as_sources_write_them() -> None:
    last = {(p, f): timeline(p, f, JUNE_2025 - 2).labels[-1] for p, forms in FORMS.items() for f in range(len(forms))}
    assert last[("daily", 0)] == "2025-04-30"
    assert last[("weekly", 0)] == "2025-04-25"
    assert [last[("monthly", f)] for f in range(3)] == ["2025-04-01", "2025-04", "2025-04-30"]
    assert [last[("quarterly", f)] for f in range(2)] == ["2025-Q1", "2025-03-31"]
    assert [last[("semi-annual", f)] for f in range(2)] == ["2024-H2", "2024-12-31"]
    assert [last[("annual", f)] for f in range(2)] == ["2024", "2024-12-31"]
