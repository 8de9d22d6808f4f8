"""`source_indicators`: what is to be classified, as it was loaded."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import text

from classify.indicator import Indicator
from classify.store.engine import engine
from classify.store.tables import SOURCE_FIELDS

BATCH = 1000
"""Rows a statement when loading."""

_COLUMNS = ("id", *SOURCE_FIELDS, "fingerprint")
# The rows of a batch travel as one JSON document, which PostgreSQL takes apart: one parameter, one round trip.
_UPSERT = text(f"""
    INSERT INTO source_indicators ({", ".join(_COLUMNS)})
    SELECT {", ".join(_COLUMNS)} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new
        ({", ".join(f"{c} {'jsonb' if c == 'sample_values' else 'text'}" for c in _COLUMNS)})
    ON CONFLICT (id) DO UPDATE
    SET {", ".join(f"{c} = excluded.{c}" for c in _COLUMNS[1:])}, updated_at = now()
    WHERE source_indicators.fingerprint <> excluded.fingerprint
    RETURNING xmax = 0 AS is_new
""")


@dataclass
class LoadCounts:
    """What loading did to the table, in rows."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


def load(indicators: Iterable[Indicator]) -> LoadCounts:
    """Insert new indicators, update those whose content changed, leave the rest untouched.

    Each batch is one statement that commits by itself: what was loaded before a fault stays loaded.

    Parameters
    ----------
    indicators
        Each id at most once.
    """
    counts = LoadCounts()
    rest = iter(indicators)
    with engine().connect() as connection:
        while batch := list(islice(rest, BATCH)):
            rows = json.dumps([{**i.model_dump(), "fingerprint": i.fingerprint()} for i in batch])
            written = [row.is_new for row in connection.execute(_UPSERT, {"rows": rows})]
            counts.new += sum(written)
            counts.changed += len(written) - sum(written)
            counts.unchanged += len(batch) - len(written)
    return counts


def sample(most: int) -> list[Indicator]:
    """At most so many indicators, spread over all; the same ones as long as the table stays the same."""
    columns = ", ".join(("id", *SOURCE_FIELDS))
    statement = text(f"SELECT {columns} FROM source_indicators ORDER BY md5(id) LIMIT :most")
    with engine().connect() as connection:
        return [Indicator.model_validate(dict(row)) for row in connection.execute(statement, {"most": most}).mappings()]


def count() -> int:
    """Rows of `source_indicators`."""
    with engine().connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM source_indicators")) or 0


def unknown_ids(ids: Iterable[str]) -> Iterator[str]:
    """Those of `ids` that have not been loaded."""
    wanted = list(dict.fromkeys(ids))
    with engine().connect() as connection:
        known = set(connection.scalars(text("SELECT id FROM source_indicators WHERE id = ANY(:ids)"), {"ids": wanted}))
    return (i for i in wanted if i not in known)
