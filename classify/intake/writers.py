"""How rows become bytes in each format; `classify.intake.export` chooses one and looks after the file."""

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from io import BufferedIOBase
from itertools import islice
from math import isfinite
from typing import Any

from classify.intake.csv_cells import guarded

Columns = Mapping[str, type]
"""Column name → str, int, float, bool, datetime or list (observations), in the order of the file."""

Writer = Callable[[BufferedIOBase, Columns, Iterable[Mapping[str, Any]]], int]
"""Writes rows to an open file and returns how many they were."""

_BATCH_ROWS = 5_000


def write_jsonl(file: BufferedIOBase, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> int:
    """One JSON object a line; returns the number of rows."""
    count = 0
    for row in rows:
        count += 1
        record = {name: _json_value(row[name], kind) for name, kind in columns.items()}
        file.write(_json(record).encode() + b"\n")
    return count


def write_csv(file: BufferedIOBase, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> int:
    """A header and one record a row; null is an empty cell; returns the number of rows."""
    count = 0
    writer = csv.writer(_Encoder(file), lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        count += 1
        writer.writerow([_cell(row[name], kind) for name, kind in columns.items()])
    return count


def write_parquet(file: BufferedIOBase, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> int:
    """Typed columns, in row groups of 5,000; returns the number of rows."""
    import pyarrow as pa  # here, because it takes longer to import than all the rest and the other formats need none
    from pyarrow import parquet

    kinds = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        datetime: pa.timestamp("us", tz="UTC"),
        list: pa.list_(pa.struct([("date", pa.string()), ("value", pa.float64())])),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for batch in _batches(rows):
            records = [{name: _value(row[name], kind) for name, kind in columns.items()} for row in batch]
            writer.write_batch(pa.RecordBatch.from_pylist(records, schema=schema))
            count += len(batch)
    return count


def zipped(write: Writer) -> Writer:
    """The same through gzip; without a time stamp, so that the same rows give the same bytes."""

    def write_zipped(file: BufferedIOBase, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> int:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as archive:
            return write(archive, columns, rows)

    return write_zipped


def _value(value: Any, kind: type) -> Any:
    """A value as its column says: money comes as Decimal, times may lack their zone, NaN is null."""
    if value is None:
        return None
    if kind is float:
        number = float(value)
        return number if isfinite(number) else None
    if kind is datetime:
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    return value


def _json_value(value: Any, kind: type) -> Any:
    value = _value(value, kind)
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(value: Any, kind: type) -> str:
    value = _json_value(value, kind)
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH_ROWS)):
        yield batch


class _Encoder:
    """What `csv.writer` writes to: UTF-8 into a binary file, which stays its owner's to close."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())
