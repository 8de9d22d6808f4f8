"""The catalogue covers the whole taxonomy, agrees with itself and with the conventions of the labels."""

import pytest

from classify.samples.catalogue import ABROAD, EVERYWHERE, catalogue
from classify.samples.places import AREAS, countries
from classify.samples.record import MONTHS, SCALES
from classify.samples.series import KINDS
from classify.samples.timeline import FORMS
from classify.taxonomy import CUMULATIVE_TYPES, FAMILIES, FAMILY_TYPES, TYPES

ENTRIES = catalogue()


def test_there_are_enough_entries_and_their_keys_are_unique() -> None:
    assert len(ENTRIES) >= 300
    assert len({e.key for e in ENTRIES}) == len(ENTRIES)


def test_every_family_and_every_type_is_there() -> None:
    assert {e.expected["family"] for e in ENTRIES} == set(FAMILIES)
    assert {e.indicator_type for e in ENTRIES} == set(TYPES)
    for family, types in FAMILY_TYPES.items():
        of_family = {e.indicator_type for e in ENTRIES if e.expected["family"] == family}
        assert of_family == set(types)


def test_every_kind_of_series_is_used() -> None:
    assert {e.series.partition("-")[0] for e in ENTRIES} == set(KINDS)


def test_every_entry_agrees_with_itself() -> None:
    places = {EVERYWHERE, ABROAD, *(p.code for p in (*countries(), *AREAS))}
    for entry in ENTRIES:
        kind, _, start = entry.series.partition("-")
        assert not start or (kind == "ytd" and start in MONTHS), entry.key
        assert entry.periodicity in FORMS, entry.key
        assert entry.scale in SCALES, entry.key
        assert entry.basis in (None, "gdp", "people", "income", "fx", "exchange"), entry.key
        assert entry.where in places, entry.key
        assert entry.definition, entry.key
        assert entry.topic, entry.key
        assert (entry.low is None) == (entry.high is None), entry.key
        assert entry.low is None or entry.high is None or entry.low <= entry.level <= entry.high, entry.key
        assert kind not in ("bounded", "signed") or entry.low is not None, entry.key
        assert "{currency}" not in entry.units or entry.currency == "local", entry.key


def test_only_what_accumulates_is_cumulative() -> None:
    for entry in ENTRIES:
        accumulates = entry.series.partition("-")[0] in ("ytd", "total")
        assert accumulates == (entry.temporal_aggregation == "period-cumulative"), entry.key
        assert not accumulates or entry.indicator_type in CUMULATIVE_TYPES, entry.key


CONVENTIONS = {
    "POLICY": ("price-value", "price", "point-in-time", False, "neutral"),
    "FX_USD": ("price-value", "price", "point-in-time", False, "neutral"),
    "BRENT": ("price-value", "price", "point-in-time", True, "neutral"),
    "BOND_10Y": ("price-value", "yield", "point-in-time", False, "neutral"),
    "GDP_ANN": ("change-movement", "rate", "period-rate", False, "higher-is-positive"),
    "CPI_YOY": ("change-movement", "rate", "period-rate", False, "lower-is-positive"),
    "IMPORTS_YOY": ("change-movement", "rate", "period-rate", False, "neutral"),
    "CA_PCT": ("change-movement", "gap", "period-total", False, "neutral"),
    "VIX": ("change-movement", "volatility", "point-in-time", False, "lower-is-positive"),
    "UNEMP": ("numeric-measurement", "percentage", "not-applicable", False, "lower-is-positive"),
    "GDP_PC": ("numeric-measurement", "ratio", "not-applicable", True, "higher-is-positive"),
    "STARTS": ("numeric-measurement", "count", "period-total", False, "higher-is-positive"),
    "GDP_NOM": ("physical-fundamental", "flow", "period-rate", True, "higher-is-positive"),
    "TAX_REV": ("physical-fundamental", "flow", "period-total", True, "higher-is-positive"),
    "OIL_YTD": ("physical-fundamental", "flow", "period-cumulative", False, "higher-is-positive"),
    "TRADE_BAL": ("physical-fundamental", "balance", "period-rate", True, "neutral"),
    "DEBT": ("physical-fundamental", "stock", "point-in-time", True, "lower-is-positive"),
    "POP": ("physical-fundamental", "stock", "point-in-time", False, "neutral"),
    "LAB_FORCE": ("physical-fundamental", "capacity", "point-in-time", False, "neutral"),
    "CPI": ("composite-derived", "index", "point-in-time", False, "neutral"),
    "PRICES_PAID": ("composite-derived", "index", "period-average", False, "lower-is-positive"),
    "FISC_MULT": ("composite-derived", "multiplier", "period-average", False, "higher-is-positive"),
    "UNEMP_DUR": ("temporal", "duration", "period-average", False, "lower-is-positive"),
    "CONS_SENT": ("qualitative", "sentiment", "point-in-time", False, "higher-is-positive"),
}


@pytest.mark.parametrize("key", CONVENTIONS)
def test_the_hard_ones_are_labelled_by_convention(key: str) -> None:
    entry = next(e for e in ENTRIES if e.key == key)
    assert tuple(entry.expected.values()) == CONVENTIONS[key]


def test_countries_are_plausible() -> None:
    assert len(countries()) >= 100
    assert len({c.code for c in countries()}) == len(countries())
    for country in countries():
        assert len(country.code) == len(country.currency) == 3
        assert 0 < country.population_millions < 1500
        assert 100 < country.gdp_usd_billions * 1e3 / country.population_millions < 200_000
        assert country.units_per_usd > 0.2
