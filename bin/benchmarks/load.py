"""How fast indicators are loaded from a file, against what the database alone needs to take the same rows.

The baseline is PostgreSQL's COPY of rows that are ready made, into a table like `source_indicators`, indexes included.
Each round begins with an empty table; then the same file is loaded once more, and nothing has changed.
"""

import csv
import io
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bin.benchmarks.figures import Figure, Outcome
from bin.benchmarks.meter import Meter, Usage
from bin.benchmarks.stack import stack
from bin.benchmarks.surroundings import say
from classify.errors import UserError
from classify.indicator import Indicator
from classify.intake import RejectFile, indicator_from
from classify.loading import load_file
from classify.samples import generate
from classify.store import engine
from classify.store.tables import SOURCE_FIELDS
from config.settings import Settings

_TABLE = "bench_rows"


def measure(settings: Settings, *, indicators: int, rounds: int) -> Outcome:
    """Rounds of so many rows each."""
    rates: list[float] = []
    again: list[float] = []
    copied: list[float] = []
    usages: list[Usage] = []
    with stack(settings, 0) as s, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "indicators.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(record)}\n" for record in generate(indicators))
        ready = _as_csv(indicator_from(record)[0] for record in generate(indicators))
        for number in range(rounds):
            copied.append(indicators / _copy(ready))
            _empty("source_indicators")
            meter = Meter(s.kinds)
            rates.append(indicators / _load(path, new=indicators))
            usages.append(meter.usage())
            again.append(indicators / _load(path, new=0))
            say(f"  round {number + 1} of {rounds}: {rates[-1]:,.0f} rows a second, baseline {copied[-1]:,.0f}")
    size_mb = len(ready) / 1e6
    return Outcome(
        "load",
        f"{indicators:,} rows of JSONL, {size_mb:.1f} MB, into an empty table; the baseline is COPY of rows ready made",
        [
            Figure("rate", "rows a second", tuple(rates), tuple(copied)),
            Figure("rate when nothing has changed", "rows a second", tuple(again), tuple(copied)),
        ],
        quiet=[usage.quiet for usage in usages],
    )


def _load(path: Path, *, new: int) -> float:
    with RejectFile(path.with_suffix(".rejects.jsonl")) as rejects:
        began = time.monotonic()
        loaded = load_file(path, rejects)
        took = time.monotonic() - began
    if loaded.rejected or loaded.counts.new != new:
        raise UserError(f"{loaded.counts.new} new rows and {loaded.rejected} rejects, where {new} and none were due")
    return took


def _as_csv(indicators: Iterable[Indicator]) -> str:
    text_ = io.StringIO()
    writer = csv.writer(text_)
    for indicator in indicators:
        values: dict[str, Any] = indicator.model_dump()
        values["sample_values"] = json.dumps(values["sample_values"])
        writer.writerow([indicator.id, *(values[field] for field in SOURCE_FIELDS), indicator.fingerprint()])
    return text_.getvalue()


def _copy(ready: str) -> float:
    with engine().connect() as connection:
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {_TABLE} (LIKE source_indicators INCLUDING ALL)"))
    _empty(_TABLE)
    columns = ", ".join(("id", *SOURCE_FIELDS, "fingerprint"))
    raw = engine().raw_connection()
    try:
        began = time.monotonic()
        raw.cursor().copy_expert(f"COPY {_TABLE} ({columns}) FROM STDIN (FORMAT csv)", io.StringIO(ready))
        raw.commit()
        return time.monotonic() - began
    finally:
        raw.close()


def _empty(table: str) -> None:
    with engine().connect() as connection:
        connection.execute(text(f"TRUNCATE {table} RESTART IDENTITY"))
