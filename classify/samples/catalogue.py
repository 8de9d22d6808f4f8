"""The catalogue: the well-known kinds of indicators that all sample data is made of, each with its expected labels.

The table itself is `catalogue.csv`, so that it can be read and extended without reading code.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from classify.taxonomy import FAMILY_TYPES, TYPES, Family, IndicatorType, Orientation, TemporalAggregation

EVERYWHERE = "*"
"""In the column `where`: the indicator exists for every country."""
ABROAD = "abroad"
"""In the column `where`: for every country whose money is not the US dollar."""

_FAMILY_OF: dict[IndicatorType, Family] = {t: family for family, types in FAMILY_TYPES.items() for t in types}

L = TypeVar("L", bound=str)


@dataclass(frozen=True)
class Entry:
    """One kind of indicator.

    Parameters
    ----------
    key
        Short unique name; with the code of the place it makes the indicator's id.
    name, units
        As sources write them; `{country}` and `{currency}` stand for those of the place.
    scale
        Thousands, Millions, Billions or Trillions where values are given in these, else None.
    currency
        `local`, an ISO 4217 code, or None where the record names no currency.
    where
        `EVERYWHERE`, `ABROAD`, or the code of the only place that has this indicator.
    series
        The kind of values, a name in `classify.samples.series.KINDS`; of `ytd` the first month may follow (`ytd-jul`).
    level
        The typical value, in the unit that `basis` names.
    swing
        How much values move (see the kinds); None for the kind's own default.
    low, high
        Bounds that no value leaves, in raw units of the indicator.
    digits
        Decimals that the source publishes; None for as many as suit the magnitude.
    basis
        What `level` is a part of: `gdp` (per cent of a year's), `people` (per head, and per year for flows), `income`
        (part of a year's output per head), `fx` (US dollars, to be converted), `exchange` (the exchange rate itself);
        None if nothing.
    """

    key: str
    name: str
    units: str
    periodicity: str
    scale: str | None
    currency: str | None
    where: str
    topic: str
    source: str
    series: str
    level: float
    swing: float | None
    low: float | None
    high: float | None
    digits: int | None
    basis: str | None
    indicator_type: IndicatorType
    temporal_aggregation: TemporalAggregation
    is_currency_denominated: bool
    heat_map_orientation: Orientation
    definition: str

    @property
    def expected(self) -> dict[str, Any]:
        """The right labels, as `bin/evaluate` reads them."""
        return {
            "family": _FAMILY_OF[self.indicator_type],
            "indicator_type": self.indicator_type,
            "temporal_aggregation": self.temporal_aggregation,
            "is_currency_denominated": self.is_currency_denominated,
            "heat_map_orientation": self.heat_map_orientation,
        }


@lru_cache(maxsize=1)
def catalogue() -> tuple[Entry, ...]:
    """All entries, in the order of the file."""
    with Path(__file__).with_name("catalogue.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_entry(row) for row in csv.DictReader(file))


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        key=row["key"],
        name=row["name"],
        units=row["units"],
        periodicity=row["periodicity"],
        scale=row["scale"] or None,
        currency=row["currency"] or None,
        where=row["where"],
        topic=row["topic"],
        source=row["source"],
        series=row["series"],
        level=float(row["level"]),
        swing=_number(row["swing"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        digits=int(row["digits"]) if row["digits"] else None,
        basis=row["basis"] or None,
        indicator_type=_one_of(row["indicator_type"], TYPES),
        temporal_aggregation=_one_of(row["temporal_aggregation"], get_args(TemporalAggregation)),
        is_currency_denominated={"yes": True, "no": False}[row["is_currency_denominated"]],
        heat_map_orientation=_one_of(row["heat_map_orientation"], get_args(Orientation)),
        definition=row["definition"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _one_of(text: str, allowed: tuple[L, ...]) -> L:
    return allowed[allowed.index(text)]  # raises ValueError for a wrong word
