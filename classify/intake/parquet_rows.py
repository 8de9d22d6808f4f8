"""The rows of a Parquet file, a batch at a time, only the columns that mean something to us."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classify.errors import UserError
from classify.intake.outcome import Reject, Row
from classify.intake.record import COLUMNS

_BATCH_ROWS = 200
_BUFFER_BYTES = 1024 * 1024


def parquet_rows(path: Path) -> Iterator[Row | Reject]:
    """The rows of a file as mappings; columns other than an indicator's are there with None, so they can be reported.

    A row that has no Python form (text that is not UTF-8, a date beyond the year 9999) is a reject, and so is the
    place where the file breaks off.

    Raises
    ------
    UserError
        When it is no Parquet file, or has no columns id and name.
    """
    import pyarrow as pa  # here, because it takes longer to import than all the rest and the other formats need none
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: is no Parquet file that can be read: {_first_line(error)}") from None
    with file:
        present = list(file.schema_arrow.names)
        for name in ("id", "name"):
            if present.count(name) != 1:
                raise UserError(f"{path}: has {'no' if name not in present else 'more than one'} column {name}")
        ignored = dict.fromkeys(name for name in present if name not in COLUMNS)
        line = 0
        try:
            for batch in file.iter_batches(_BATCH_ROWS, columns=[name for name in present if name in COLUMNS]):
                yield from _rows(batch, line, ignored, pa.ArrowException)
                line += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            yield Reject(line + 1, None, f"the Parquet file breaks off in or after this row: {_first_line(error)}", "")


def _rows(batch: Any, before: int, ignored: dict[str, None], arrow_error: type[Exception]) -> Iterator[Row | Reject]:
    """The rows of a batch that begins after `before` rows of the file."""
    try:
        records = batch.to_pylist()
    except (ValueError, OverflowError, arrow_error):
        records = None
    for i in range(batch.num_rows):
        try:
            record = records[i] if records is not None else batch.slice(i, 1).to_pylist()[0]
        except (ValueError, OverflowError, arrow_error) as error:
            yield Reject(before + i + 1, None, f"a cell cannot be read: {_first_line(error)}", "")
            continue
        yield Row(before + i + 1, ignored | record)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
