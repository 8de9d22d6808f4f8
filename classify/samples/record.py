"""One sample indicator: an entry of the catalogue in one place, as of one edition, with values in the form sources use.

Editions are the same statistics as published in different months: they differ in dates, values and manners of writing.
"""

from math import fsum
from random import Random
from typing import Any

from classify.samples.catalogue import ABROAD, EVERYWHERE, Entry
from classify.samples.places import Place
from classify.samples.series import BOUNDS_PER_SWING, KINDS, Kind, Shape
from classify.samples.timeline import FORMS, LONGEST, PERIODS_PER_YEAR, timeline

LATEST = 2025 * 12 + 5
"""The month of edition 0, June 2025, counted from the year 0."""

SCALES = {None: 1.0, "Thousands": 1e3, "Millions": 1e6, "Billions": 1e9, "Trillions": 1e12}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

OBSERVATIONS = {
    "daily": (30, LONGEST),
    "weekly": (26, 52),
    "monthly": (24, LONGEST),
    "quarterly": (20, 44),
    "semi-annual": (16, 30),
    "annual": (12, 40),
}
"""By periodicity: the fewest and the most values of a series of ordinary length."""

SPELLINGS = {
    "%": ("%", "Percent", "percent"),
    "daily": ("daily", "Daily"),
    "weekly": ("weekly", "Weekly"),
    "monthly": ("monthly", "Monthly"),
    "quarterly": ("quarterly", "Quarterly"),
    "semi-annual": ("semi-annual", "Biannually"),
    "annual": ("annual", "Annual", "Yearly"),
}
"""How different sources spell the same units and periodicities."""

_PER_PERIOD = frozenset({"flow", "volume", "count", "balance"})
_OVER_TIME = frozenset({"period-rate", "period-total", "period-cumulative"})


def identifier(entry: Entry, place: Place, edition: int) -> str:
    """The id: place, key and, for editions before the latest, how many months ago (`KEN.CPI_YOY`, `KEN.CPI_YOY.3`)."""
    return f"{place.code}.{entry.key}.{edition}" if edition else f"{place.code}.{entry.key}"


def record(entry: Entry, place: Place, edition: int, rng: Random, *, complete: bool) -> dict[str, Any]:
    """A raw input record; unless it must be `complete`, some lack their values, most of them or the periodicity."""
    periodicity: str | None = rng.choice(SPELLINGS[entry.periodicity])
    length = rng.randint(*OBSERVATIONS[entry.periodicity])
    whim = 1.0 if complete else rng.random()
    if whim < 0.02:
        length = 0
    elif whim < 0.06:
        length = rng.randint(1, 5)
    elif whim < 0.10:
        periodicity = None
    names = {"country": place.name, "currency": place.currency}
    name = entry.name.format_map(names)
    year, month = divmod(LATEST - edition, 12)
    return {
        "id": identifier(entry, place, edition),
        "name": name,
        "units": rng.choice(SPELLINGS.get(entry.units, (entry.units,))).format_map(names),
        "long_name": f"{place.name}: {name}",
        "source_name": entry.source,
        "periodicity": periodicity,
        "aggregation_method": None,
        "scale": entry.scale,
        "topic": entry.topic,
        "category_group": None,
        "dataset": f"Sample indicators {year}-{month + 1:02}",
        "currency_code": place.currency if entry.currency == "local" else entry.currency,
        "definition": entry.definition,
        "sample_values": _observations(entry, place, edition, length, rng) if length else None,
    }


def _observations(entry: Entry, place: Place, edition: int, length: int, rng: Random) -> list[dict[str, Any]]:
    form = rng.randrange(len(FORMS[entry.periodicity]))
    line = timeline(entry.periodicity, form, LATEST - edition)
    kind, _, start = entry.series.partition("-")
    shape = _shape(entry, KINDS[kind], place, MONTHS.index(start) if start else 0, rng)
    values = KINDS[kind].values(rng, shape, line.months[-length:])
    digits = entry.digits if entry.digits is not None else _digits(shape.level)
    # `round(x)` gives an integer, as sources write whole numbers; adding 0.0 turns -0.0 into 0.0.
    rounded = [round(v, digits) + 0.0 for v in values] if digits else [round(v) for v in values]
    labels = line.labels[-length:]
    observations = [{"date": date, "value": value} for date, value in zip(labels, rounded, strict=True)]
    manners = rng.random()
    if manners < 0.2:
        observations.reverse()
    elif manners < 0.24 and length > 12:
        del observations[rng.randrange(6, length - 3)]
    elif manners < 0.29:
        mean = round(fsum(values) / length, 3) + 0.0  # `sum` of floats changed in Python 3.12
        observations.append({"date": "last10YearsAvg", "value": mean})
    return observations


def _shape(entry: Entry, kind: Kind, place: Place, year_start: int, rng: Random) -> Shape:
    low = float("-inf") if entry.low is None else entry.low
    high = float("inf") if entry.high is None else entry.high
    if entry.swing is not None:
        swing = entry.swing
    elif kind.swing is not None:
        swing = kind.swing
    else:
        swing = (high - low) / BOUNDS_PER_SWING[entry.series]
    level = entry.level * _unit(entry, place)
    # The level of something that exists in one place only, or of an exchange rate, is known; others differ by country.
    if entry.where in (EVERYWHERE, ABROAD) and entry.basis != "exchange":
        if entry.series == "signed":
            level += 1.2 * swing * rng.gauss(0, 1)
        elif entry.low is not None and entry.high is not None:
            level = rng.triangular(level - 0.6 * (level - low), level + 0.4 * (high - level), level)
        else:
            level *= rng.uniform(0.9, 1.1)
    return Shape(level, swing, low, high, year_start)


def _unit(entry: Entry, place: Place) -> float:
    """What one unit of the entry's level is worth in the units that the record is published in."""
    exchange = place.units_per_usd if entry.currency == "local" else 1.0
    gdp_per_head = place.gdp_usd_billions * 1e3 / place.population_millions
    worth = {
        None: 1.0,
        "fx": exchange,
        "exchange": place.units_per_usd,
        "gdp": place.gdp_usd_billions * 1e9 / 100 * exchange / SCALES[entry.scale],
        "people": place.population_millions * 1e6 / SCALES[entry.scale],
        "income": gdp_per_head * exchange,
    }[entry.basis]
    counts_time = entry.indicator_type in _PER_PERIOD and entry.temporal_aggregation in _OVER_TIME
    if entry.basis in ("gdp", "people") and counts_time:
        worth /= PERIODS_PER_YEAR[entry.periodicity]
    return worth


def _digits(level: float) -> int:
    magnitude = abs(level)
    for digits, least in enumerate((10_000, 100, 1)):
        if magnitude >= least:
            return digits
    return 4
