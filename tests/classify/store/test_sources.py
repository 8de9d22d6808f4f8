"""Loading into `source_indicators`: new, changed, unchanged; names that are SQL stay names."""

from sqlalchemy import text

from classify.indicator import Indicator, Observation
from classify.store import engine, sources
from classify.store.sources import BATCH, LoadCounts
from config.settings import Settings


def _indicators(n: int, **fields: str) -> list[Indicator]:
    return [Indicator(id=f"S{i}", name=f"Series {i}", **fields) for i in range(n)]


def test_load_counts_new_changed_and_unchanged(clean_tables: Settings) -> None:
    some = _indicators(BATCH + 3)
    assert sources.load(some) == LoadCounts(new=BATCH + 3)
    assert sources.load(some) == LoadCounts(unchanged=BATCH + 3)
    assert sources.load([*_indicators(2, units="%"), *some[2:5]]) == LoadCounts(changed=2, unchanged=3)
    assert sources.count() == BATCH + 3


def test_text_arrives_as_it_was_written(clean_tables: Settings) -> None:
    nasty = "'; DROP TABLE runs; -- \" \\ % :name é 漢字 🎈"
    sources.load(
        [Indicator(id=nasty, name=nasty, units=nasty, sample_values=(Observation(date="2024-Q1", value=-0.5),))]
    )
    with engine().connect() as connection:
        row = connection.execute(text("SELECT id, name, units, sample_values FROM source_indicators")).one()
    assert tuple(row) == (nasty, nasty, nasty, [{"date": "2024-Q1", "value": -0.5}])


def test_unknown_ids_are_named_in_order_and_once(clean_tables: Settings) -> None:
    sources.load(_indicators(2))
    assert list(sources.unknown_ids(["X", "S1", "A", "X"])) == ["X", "A"]
