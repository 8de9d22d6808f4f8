"""The dates of sample values, in the forms that sources really use."""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

LONGEST = 60
"""Observations of the longest timeline."""

FORMS: dict[str, tuple[Callable[[date], str], ...]] = {
    "daily": (date.isoformat,),
    "weekly": (date.isoformat,),
    "monthly": (
        lambda day: f"{day:%Y-%m}-01",
        lambda day: f"{day:%Y-%m}",
        date.isoformat,
    ),
    "quarterly": (lambda day: f"{day:%Y}-Q{day.month // 3}", date.isoformat),
    "semi-annual": (lambda day: f"{day:%Y}-H{day.month // 6}", date.isoformat),
    "annual": (lambda day: f"{day:%Y}", date.isoformat),
}
"""By periodicity: how the last day of a period may be written."""

MONTHS_PER_PERIOD = {"monthly": 1, "quarterly": 3, "semi-annual": 6, "annual": 12}

PERIODS_PER_YEAR = {"daily": 250, "weekly": 52, "monthly": 12, "quarterly": 4, "semi-annual": 2, "annual": 1}


@dataclass(frozen=True)
class Timeline:
    """Periods in time order: the label of each and the month it ends in, counted from the year 0."""

    labels: tuple[str, ...]
    months: tuple[int, ...]


@lru_cache(maxsize=128)
def timeline(periodicity: str, form: int, end: int) -> Timeline:
    """The last `LONGEST` periods that are over at the end of month `end` (year times 12 plus month less 1)."""
    days = sorted(day for day, _ in zip(_backwards(periodicity, end), range(LONGEST), strict=False))
    write = FORMS[periodicity][form]
    return Timeline(tuple(map(write, days)), tuple(day.year * 12 + day.month - 1 for day in days))


def _backwards(periodicity: str, end: int) -> Iterator[date]:
    step = MONTHS_PER_PERIOD.get(periodicity)
    if step:
        month = (end + 1) // step * step - 1
        while True:
            yield _last_day(month)
            month -= step
    day = _last_day(end)
    while True:
        friday = day.weekday() == 4
        if friday or (periodicity == "daily" and day.weekday() < 4):
            yield day
        day -= timedelta(days=1)


def _last_day(month: int) -> date:
    year, zero_based = divmod(month, 12)
    return date(year, zero_based + 1, monthrange(year, zero_based + 1)[1])
