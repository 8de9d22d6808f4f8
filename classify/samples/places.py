"""Where sample indicators come from: countries and two areas, with rough sizes so that magnitudes are plausible."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A country or area: ISO 3166 code (or a customary one), ISO 4217 currency, and how large its economy is."""

    code: str
    name: str
    currency: str
    population_millions: float
    gdp_usd_billions: float
    units_per_usd: float


AREAS = (
    Place("WLD", "World", "USD", 8100, 106_000, 1),
    Place("EMU", "Euro area", "EUR", 350, 15_700, 0.92),
)


@lru_cache(maxsize=1)
def countries() -> tuple[Place, ...]:
    """The countries, in the order of `countries.csv`."""
    with Path(__file__).with_name("countries.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Place(
                code=row["code"],
                name=row["name"],
                currency=row["currency"],
                population_millions=float(row["population_millions"]),
                gdp_usd_billions=float(row["gdp_usd_billions"]),
                units_per_usd=float(row["units_per_usd"]),
            )
            for row in csv.DictReader(file)
        )
