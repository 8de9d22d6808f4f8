"""What sample values alone tell about accumulation, without words or units.

A year-to-date series climbs within its year and starts again at the size of one period; a seasonal one climbs and
falls, or drops to a lower level that is still far above one step. A running total never falls and began at nothing;
a growing level never falls either, but it began long before the sample.
"""

from calendar import month_name
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import fmean, median

from classify.rules.series import PERIODS_A_YEAR, one_value_a_date, spacing
from classify.taxonomy import Frequency, Pattern

_FEWEST = 4
_FEW_STEPS = 5
_USUAL_STARTS = (1, 4, 7, 10)
"""Months in which calendar and fiscal years start almost everywhere."""


@dataclass(frozen=True)
class Shape:
    """What the values look like; `confidence` from 0 to 1, `evidence` the figures in words."""

    pattern: Pattern
    confidence: float
    evidence: str
    never_falls: bool = False
    """Whether the values only ever climb, which every accumulation does as long as it is not started again."""


@dataclass(frozen=True)
class _Years:
    """A series cut into years that start in month `start` (1 to 12)."""

    start: int
    resets: list[tuple[float, float, float]]
    """At each turn of the year: the last value, the first, and the share the first should have of the last."""
    steps: list[float]
    """The differences within the years."""
    first_rates: list[float]
    """Each year's first value, per period it stands for."""
    later_rates: list[float]
    """Each year's climb after the first value, per period."""


def shape_of(series: Sequence[tuple[date, float]], signed: bool) -> Shape:
    """Judge a series in time order; `signed` where the flows behind it can be of both signs (a balance)."""
    if len(series) < _FEWEST:
        return Shape("unknown", 0.2, f"{len(series)} dated values: too few to see a pattern")
    if not one_value_a_date(series):
        return Shape("unknown", 0.2, "several values for one date: no single series to judge")
    values = [value for _, value in series]
    if len(set(values)) == 1:
        sure = 0.85 if values[0] and len(values) >= 6 else 0.5
        return Shape("periodic", sure, f"all {len(values)} values are the same")
    spaced = spacing(day for day, _ in series)
    frequency = spaced[0] if spaced else "annual"
    # Deficits accumulate downwards: what is mostly negative is judged upside down. Only proportions matter, and
    # values of at most 1 cannot overflow.
    unit = max(map(abs, values)) * (-1 if median(values) < 0 else 1)
    series = [(day, value / unit) for day, value in series]
    return _year_to_date(series, frequency, signed or min(values) < 0 < max(values)) or _other(series, signed)


def _year_to_date(series: Sequence[tuple[date, float]], frequency: Frequency, signed: bool) -> Shape | None:
    if frequency == "annual":
        return None
    shapes = (_judge(_cut(series, start, frequency), signed) for start in _starts(series, frequency))
    return max((shape for shape in shapes if shape), key=lambda shape: shape.confidence, default=None)


def _starts(series: Sequence[tuple[date, float]], frequency: Frequency) -> list[int]:
    """The months a year may start in: the usual ones of calendar and fiscal years, and those with a steep fall."""
    months = [*_USUAL_STARTS]
    period = 12 // int(min(12, PERIODS_A_YEAR[frequency]))
    for (_, before), (day, value) in pairwise(series):
        if abs(value) < 0.75 * abs(before):
            months += [(day.month - 1 - back) % 12 + 1 for back in range(period)]
    return list(dict.fromkeys(months))


def _cut(series: Sequence[tuple[date, float]], start: int, frequency: Frequency) -> _Years:
    years = _Years(start, [], [], [], [])
    year, first, place_of_first, last, place = None, 0.0, 0.0, 0.0, 0.0

    def close() -> None:
        years.first_rates.append(first / place_of_first)
        if place > place_of_first:
            years.later_rates.append((last - first) / (place - place_of_first))

    for day, value in series:
        this_year, this_place = _place(day, start, frequency)
        if this_year == year:
            years.steps.append(value - last)
        else:
            if year is not None:
                years.resets.append((last, value, this_place / place))
                close()
            year, first, place_of_first = this_year, value, this_place
        last, place = value, this_place
    close()
    return years


def _place(day: date, start: int, frequency: Frequency) -> tuple[int, float]:
    """The year a day belongs to, and how many periods of it have passed by then."""
    months = day.year * 12 + day.month - start
    year, month = divmod(months, 12)
    if frequency in ("daily", "weekly"):
        return year, max((month + day.day / 31) / 12 * PERIODS_A_YEAR[frequency], 1.0)
    return year, month // (12 // int(PERIODS_A_YEAR[frequency])) + 1.0


def _judge(years: _Years, signed: bool) -> Shape | None:
    """Whether these years look like year-to-date ones."""
    if len(years.steps) < _FEWEST - 1 or not years.later_rates:
        return None
    if shape := _climbing(years):
        return shape
    return _wandering(years) if signed and len(years.resets) >= 2 else None


def _climbing(years: _Years) -> Shape | None:
    """Flows of one sign: every year climbs, and begins with about what the later periods add."""
    typical = fmean(abs(step) for step in years.steps)
    falls = sum(step < -0.02 * typical for step in years.steps)
    if falls > 0.08 * len(years.steps):
        return None
    later = median(years.later_rates)
    if later <= 0:
        return None
    start_to_step = median(years.first_rates) / later
    if not years.resets:
        if falls or not 0.4 <= start_to_step <= 2.5 or len(years.steps) < 5:
            return None
        evidence = (
            f"one year only: it climbs {len(years.steps)} times, from a first value {start_to_step:.1f} steps high"
        )
        return Shape("ytd", 0.6, evidence)
    ratios = [(first / last if last > 0 else 1.0, due) for last, first, due in years.resets]
    reset = sum(ratio <= min(max(3 * due, due + 0.15), max(0.5, due + 0.2)) for ratio, due in ratios)
    if reset < 0.8 * len(ratios) or not 0.15 <= start_to_step <= 4:
        return None
    share = median(ratio for ratio, _ in ratios)
    turn = month_name[years.start]
    evidence = (
        f"{reset} of {len(ratios)} turns of the year in {turn} fall back, to {share:.0%} of the value before;"
        f" within the years {len(years.steps) - falls} of {len(years.steps)} steps climb"
    )
    # One turn of the year may be chance; three are not.
    sure = {1: 0.86, 2: 0.93}.get(len(ratios), 0.97) - (0.1 if len(years.steps) < 6 else 0)
    # A climb of two or three steps within the year is what a season can do as well.
    few_periods = median(due for _, due in ratios) > 0.2
    sure -= 0.25 if len(years.steps) < 2.5 * len(ratios) or (few_periods and not 0.6 <= start_to_step <= 1.6) else 0.0
    return Shape("ytd", round(sure, 2), evidence)


def _wandering(years: _Years) -> Shape | None:
    """Flows of both signs: years begin at the size of one step, and end far from it."""
    step = fmean(abs(step) for step in years.steps)
    first = fmean(abs(first) for _, first, _ in years.resets)
    last = fmean(abs(last) for last, _, _ in years.resets)
    jump = fmean(abs(last - first) for last, first, _ in years.resets)
    if not (0 < first <= 2 * step and first <= 0.4 * last and last >= 2.2 * step and jump >= 2 * step):
        return None
    evidence = (
        f"at {len(years.resets)} turns of the year in {month_name[years.start]} it falls back from"
        f" {last / step:.1f} steps to {first / step:.1f}"
    )
    # Noise does this by chance in some month or other; in three years at the start of a usual year hardly ever.
    usual = years.start in _USUAL_STARTS
    return Shape("ytd", 0.85 if usual and len(years.resets) >= 3 else 0.7 if usual else 0.55, evidence)


def _other(series: Sequence[tuple[date, float]], signed: bool) -> Shape:
    """What does not start again every year: a running total, or no accumulation at all."""
    values = [value for _, value in series]
    steps = [b - a for a, b in pairwise(values)]
    typical = fmean(abs(step) for step in steps)
    falls = sum(step < -0.02 * typical for step in steps)
    if falls > max(1, 0.02 * len(steps)):
        sure = min(0.97, 0.6 + 0.05 * falls + 0.02 * len(steps)) - (0.1 if signed else 0.0)
        return Shape("periodic", round(sure, 2), f"{falls} of {len(steps)} steps fall, at no fixed turn of the year")
    climbs = f"it climbs {len(steps) - falls} of {len(steps)} steps"
    if falls:
        # One fall in a short sample may be the start of a new year.
        if len(steps) < _FEW_STEPS:
            return Shape("unknown", 0.4, f"{climbs}: too few to tell")
        return Shape("periodic", 0.75, f"{climbs}, and no fall is a new start")
    early = fmean(steps[: max(3, len(steps) // 3)])
    if early <= 0:
        return Shape("periodic", 0.6, f"{climbs}, after a while of none", True)
    began = values[0] / early
    if 0 <= began <= 3 and len(steps) >= _FEW_STEPS:
        sure = 0.7 if len(steps) >= 11 else 0.6
        return Shape("running_total", sure, f"it never falls, from a first value only {began:.1f} steps high", True)
    if len(steps) < _FEW_STEPS and 0 <= began < 12:
        return Shape("unknown", 0.35, f"{climbs}, from {began:.0f} steps high: too few to tell", True)
    sure = 0.8 if began >= 12 and len(steps) >= _FEW_STEPS else 0.6
    return Shape("periodic", sure, f"{climbs}, but from {began:.0f} steps high: a level that grows", True)
