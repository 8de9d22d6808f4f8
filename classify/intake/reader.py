"""Indicators out of a file or a query: every row an indicator or a reject, no id twice."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from classify.errors import InvalidIndicatorError, UserError
from classify.intake.csv_rows import csv_rows
from classify.intake.jsonl_rows import jsonl_rows
from classify.intake.mends import Mend, Rule, shown
from classify.intake.outcome import Accepted, Reject, Row
from classify.intake.parquet_rows import parquet_rows
from classify.intake.record import COLUMNS, indicator_from
from classify.intake.sql_rows import source_url, sql_rows

Rows = Iterator[Row | Reject]

_FORMATS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": jsonl_rows,
    ".jsonl.gz": jsonl_rows,
    ".csv": csv_rows,
    ".csv.gz": csv_rows,
    ".parquet": parquet_rows,
}
_REPORTED_COLUMNS = 20
"""Unknown columns reported a file; keys of arbitrary JSON must not fill the memory."""


def read_indicators(path: Path | str) -> Iterator[Accepted | Reject]:
    """The rows of a file, in its order, each as an indicator or as a reject; nothing but blank lines is left out.

    Streams: holds one batch of rows and the ids seen so far (about 120 bytes a row).

    Parameters
    ----------
    path
        A file that ends in .jsonl, .jsonl.gz, .csv, .csv.gz or .parquet.

    Raises
    ------
    UserError
        At the call, when there is no such file or it is not what its ending says, or a CSV or Parquet file lacks the
        columns id and name; while reading, when the disk fails.

    Example
    -------
    >>> for outcome in read_indicators("indicators.csv"):  # doctest: +SKIP
    ...     match outcome:
    ...         case Accepted(line, indicator, mended): ...
    ...         case Reject(line, known_id, reason, excerpt): ...
    """
    path = Path(path)
    return _begun(_format(path)(path))


def read_query(query: str, url: str) -> Iterator[Accepted | Reject]:
    """The rows of a SQL query on another database, each as an indicator or as a reject; streams like a file.

    Parameters
    ----------
    query
        One SELECT with the columns id and name, and what else an indicator has.
    url
        Of the database, as SQLAlchemy takes it.

    Raises
    ------
    UserError
        At the call, when the database cannot be reached or the query does not work out; while reading, when it
        breaks off.
    """
    return _begun(sql_rows(query, source_url(url)))


def _begun(rows: Rows) -> Iterator[Accepted | Reject]:
    """The outcomes of rows of which the first was read: what is wrong from the beginning is known at the call."""
    first = list(islice(rows, 1))
    return _outcomes(chain(first, rows))


def _format(path: Path) -> Callable[[Path], Rows]:
    reader = next((read for ending, read in _FORMATS.items() if path.name.lower().endswith(ending)), None)
    if str(path) == "-":
        raise UserError("-: indicators are read from files, not from standard input")
    if path.is_dir():
        raise UserError(f"{path}: is a directory, not a file")
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if reader is None:
        raise UserError(f"{path}: a file of indicators ends in {', '.join(_FORMATS)}")
    return reader


def _outcomes(rows: Rows) -> Iterator[Accepted | Reject]:
    first_lines: dict[str, int] = {}
    reported: set[str] = set()
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        try:
            indicator, mends = indicator_from(row.record)
        except InvalidIndicatorError as error:
            yield row.rejected(str(error))
            continue
        first = first_lines.setdefault(indicator.id, row.line)
        if first != row.line:
            yield row.rejected(f"id {shown(indicator.id)} is already in line {first:,}")
            continue
        assert isinstance(row.record, Mapping)
        unknown = row.record.keys() - COLUMNS - reported if len(reported) < _REPORTED_COLUMNS else set()
        if unknown:
            columns = sorted(unknown)[: _REPORTED_COLUMNS - len(reported)]
            reported.update(columns)
            mends = (*mends, *(Mend(Rule.UNKNOWN_COLUMN, shown(column)) for column in columns))
        yield Accepted(row.line, indicator, mends)
