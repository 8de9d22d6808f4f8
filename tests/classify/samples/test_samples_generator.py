"""Generated records are deterministic, unique, valid and plausible, however many are made."""

import json
from itertools import islice, pairwise
from math import isfinite
from typing import Any

import pytest

from classify.dates import period_end
from classify.indicator import Indicator
from classify.samples import generate, labelled
from classify.samples.catalogue import catalogue
from classify.samples.places import countries
from classify.taxonomy import FAMILIES, TYPES

ENTRIES = {e.key: e for e in catalogue()}
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def many() -> Lines:
    return list(labelled(7_000, seed=5))


def indicator(record: dict[str, Any]) -> Indicator:
    """The record as intake makes it."""
    return Indicator.model_validate({**record, "sample_values": record["sample_values"] or ()})


def test_the_same_seed_gives_the_same_records(many: Lines) -> None:
    assert list(generate(2000, seed=5)) == [line["indicator"] for line in many[:2000]]


def test_a_short_run_is_the_beginning_of_a_long_one() -> None:
    assert list(generate(1000)) == list(islice(generate(10_903), 1000))
    assert len(list(generate(10_903))) == 10_903


def test_another_seed_gives_other_values_under_the_same_ids() -> None:
    here, there = list(generate(seed=1)), list(generate(seed=2))
    assert [r["id"] for r in here] == [r["id"] for r in there]
    assert sum(a["sample_values"] != b["sample_values"] for a, b in zip(here, there, strict=True)) > 0.9 * len(here)


def test_ids_are_unique() -> None:
    assert len({r["id"] for r in generate(50_000)}) == 50_000


def test_the_catalogue_comes_first_and_complete() -> None:
    first = list(generate())
    assert [r["id"].partition(".")[2] for r in first] == list(ENTRIES)
    assert all(r["sample_values"] and r["periodicity"] and len(r["sample_values"]) >= 12 for r in first)


def test_every_family_and_type_is_expected_somewhere() -> None:
    expected = [line["expected"] for line in labelled()]
    assert {e["family"] for e in expected} == set(FAMILIES)
    assert {e["indicator_type"] for e in expected} == set(TYPES)


def test_every_record_is_a_valid_indicator_with_all_columns(many: Lines) -> None:
    for line in many:
        record = line["indicator"]
        assert set(record) == set(Indicator.model_fields)
        assert indicator(record).name
        assert "{" not in record["name"] + record["units"] + record["long_name"]


def test_values_are_finite_numbers_and_zero_has_no_sign(many: Lines) -> None:
    for line in many:
        for observation in line["indicator"]["sample_values"] or ():
            assert isfinite(observation["value"])
            assert str(observation["value"]) != "-0.0"


def test_dates_are_dates_but_for_the_deliberate_labels(many: Lines) -> None:
    labels = {
        o["date"] for line in many for o in line["indicator"]["sample_values"] or () if period_end(o["date"]) is None
    }
    assert labels == {"last10YearsAvg"}


def test_the_whims_of_real_sources_are_there_but_rare(many: Lines) -> None:
    records = [line["indicator"] for line in many]
    without_values = sum(r["sample_values"] is None for r in records)
    short = sum(0 < len(r["sample_values"] or ()) <= 5 for r in records)
    without_periodicity = sum(r["periodicity"] is None for r in records)
    for few in (without_values, short, without_periodicity):
        assert 0.005 < few / len(records) < 0.06
    newest_first = sum(
        len(dates) > 1 and dates[0] > dates[-1] for dates in ([d for d, _ in observed(r)] for r in records)
    )
    assert 0.1 < newest_first / len(records) < 0.3


def observed(record: dict[str, Any]) -> list[tuple[Any, float]]:
    """The dated observations in the order of the source."""
    pairs = [(period_end(o["date"]), o["value"]) for o in record["sample_values"] or ()]
    return [(day, value) for day, value in pairs if day]


def of_series(many: Lines, *kinds: str) -> list[tuple[dict[str, Any], Any]]:
    found = [(line["indicator"], ENTRIES[line["indicator"]["id"].split(".")[1]]) for line in many]
    return [(record, entry) for record, entry in found if entry.series.partition("-")[0] in kinds]


def test_running_totals_never_fall(many: Lines) -> None:
    assert of_series(many, "total")
    for record, _ in of_series(many, "total"):
        assert all(now >= before for (_, before), (_, now) in pairwise(indicator(record).series()))


def test_ytd_falls_only_into_a_new_year(many: Lines) -> None:
    starts = {"": 1, "apr": 4, "jul": 7, "oct": 10}
    assert {e.series.partition("-")[2] for _, e in of_series(many, "ytd")} == set(starts)
    for record, entry in of_series(many, "ytd"):
        first = starts[entry.series.partition("-")[2]]
        years = [((day.year * 12 + day.month - first) // 12, v) for day, v in indicator(record).series()]
        for (year, before), (next_year, now) in pairwise(years):
            assert now <= before if next_year > year else now >= before


def test_bounds_of_the_catalogue_hold_after_rounding(many: Lines) -> None:
    for record, entry in of_series(many, "bounded", "signed", "steps", "constant"):
        for _, value in observed(record):
            slack = 0.5 * 10 ** -(entry.digits or 0)
            assert entry.low - slack <= value <= entry.high + slack, record["id"]


def test_percentages_are_percentages(many: Lines) -> None:
    for line in many:
        if line["expected"]["indicator_type"] in ("percentage", "share", "probability", "allocation"):
            assert all(-5 <= v <= 100 for _, v in observed(line["indicator"])), line["indicator"]["id"]


@pytest.mark.parametrize("key", ["POP", "EMPLOYED", "GDP_NOM_USD", "GDP_PC", "FX_USD"])
def test_magnitudes_fit_the_country(key: str, many: Lines) -> None:
    by_code = {c.code: c for c in countries()}
    seen = 0
    for line in many:
        code, _, rest = line["indicator"]["id"].partition(".")
        if rest != key:
            continue
        c = by_code[code]
        about = {
            "POP": c.population_millions * 1e6,
            "EMPLOYED": c.population_millions * 1e3 * 0.44,
            "GDP_NOM_USD": c.gdp_usd_billions * 1e9,
            "GDP_PC": c.gdp_usd_billions * 1e3 / c.population_millions,
            "FX_USD": c.units_per_usd,
        }[key]
        assert all(0.2 < v / about < 5 for _, v in observed(line["indicator"])), (code, about)
        seen += 1
    assert seen > 10


def test_records_are_of_a_plausible_size(many: Lines) -> None:
    sizes = [len(json.dumps(line["indicator"])) for line in many]
    assert min(sizes) > 300
    assert max(sizes) < 6_000
    assert 1_000 < sum(sizes) / len(sizes) < 3_000


def test_labels_do_not_depend_on_the_place(many: Lines) -> None:
    for line in many:
        assert line["expected"] == ENTRIES[line["indicator"]["id"].split(".")[1]].expected
