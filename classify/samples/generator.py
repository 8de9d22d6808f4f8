"""The generator of sample data: first the catalogue once, then its entries in every country, then earlier editions.

Each record draws from a generator of its own, seeded by the seed and its id: so a record never depends on how many
others are made, and the first records of a long run are those of a short one.
"""

from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Any

from classify.samples.catalogue import ABROAD, EVERYWHERE, Entry, catalogue
from classify.samples.places import AREAS, Place, countries
from classify.samples.record import identifier, record

DEFAULT_SEED = 20240601


def generate(n: int | None = None, seed: int = DEFAULT_SEED) -> Iterator[dict[str, Any]]:
    """`n` raw records (one for each entry of the catalogue when None), in constant memory.

    Ids are unique and do not depend on the seed; values, dates and spellings do.
    """
    for line in labelled(n, seed):
        yield line["indicator"]


def labelled(n: int | None = None, seed: int = DEFAULT_SEED) -> Iterator[dict[str, Any]]:
    """The same records with their labels: `{"indicator", "expected"}`, as `bin/evaluate` reads them."""
    rng = Random()
    first = len(catalogue())
    for position, (entry, place, edition) in enumerate(islice(_combinations(), first if n is None else n)):
        rng.seed(f"{seed} {identifier(entry, place, edition)}")
        yield {
            "indicator": record(entry, place, edition, rng, complete=position < first),
            "expected": entry.expected,
        }


def _combinations() -> Iterator[tuple[Entry, Place, int]]:
    """Endless and without repetition."""
    home = _homes()
    for entry in catalogue():
        yield entry, home[entry.key], 0
    for edition in count():
        for place in (*countries(), *AREAS):
            for entry in catalogue():
                if _exists(entry, place) and (edition or place is not home[entry.key]):
                    yield entry, place, edition


def _homes() -> dict[str, Place]:
    """The place in which each entry appears first: the countries in turn."""
    places = {place.code: place for place in (*countries(), *AREAS)}
    homes = {}
    for position, entry in enumerate(catalogue()):
        if entry.where in places:
            homes[entry.key] = places[entry.where]
        else:
            turn = (countries()[(position + k) % len(countries())] for k in count())
            homes[entry.key] = next(place for place in turn if _exists(entry, place))
    return homes


def _exists(entry: Entry, place: Place) -> bool:
    if entry.where == EVERYWHERE:
        return place not in AREAS
    if entry.where == ABROAD:
        return place not in AREAS and place.currency != "USD"
    return entry.where == place.code
