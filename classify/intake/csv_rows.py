"""The rows of a CSV file, so read that a single bad quote costs one line and not the rest of the file.

Quotes may span lines, so one that is never closed would swallow everything after it. When a record does not work out
(quotes that do not match, the wrong number of cells, too long), only its first line is rejected and reading starts
again at the second.
"""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from classify.errors import UserError
from classify.intake.csv_cells import bare
from classify.intake.lines import MAX_RECORD_BYTES, Line, lines, not_utf8
from classify.intake.mends import shown
from classify.intake.outcome import Reject, Row, excerpt


class _UnreadableError(Exception):
    """Not a record but a reject is next in the file."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(reject.reason)
        self.reject = reject


class _Feed:
    """Lines for `csv.reader`, which remembers those of the current record and can go back to its second."""

    def __init__(self, source: Iterator[Line | Reject]) -> None:
        self._source = source
        self._again: deque[Line | Reject] = deque()
        self._size = 0
        self.record: list[Line] = []
        self.not_utf8: str | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        item = self._again.popleft() if self._again else next(self._source)
        if isinstance(item, Reject):
            if not self.record:
                raise _UnreadableError(item)
            self._again.appendleft(item)
            raise csv.Error("a quote is not closed")
        self.record.append(item)
        self._size += len(item.content)
        if self._size > MAX_RECORD_BYTES:
            raise csv.Error(f"a quote is not closed within {MAX_RECORD_BYTES:,} bytes")
        try:
            text = item.content.decode()
        except UnicodeDecodeError as error:
            self.not_utf8 = self.not_utf8 or not_utf8(error)
            text = item.content.decode("utf-8", "replace")
        return text.replace("\x00", "\x01")  # csv refuses NUL in Python 3.10; either is cleaned or refused further on

    def begin(self) -> None:
        """A new record starts with the next line."""
        self.record = []
        self.not_utf8 = None
        self._size = 0

    def back(self) -> None:
        """Give the lines of the current record again, but for the first."""
        self._again.extendleft(reversed(self.record[1:]))


def csv_rows(path: Path) -> Iterator[Row | Reject]:
    """The records of a file as mappings from the header's columns to text; blank lines are skipped.

    Raises
    ------
    UserError
        When the file cannot be read, or has no header with the columns id and name.
    """
    csv.field_size_limit(MAX_RECORD_BYTES)  # the default is too low for long series; the records have their own limit
    feed = _Feed(lines(path))
    reader = csv.reader(feed, strict=True)
    header = _header(path, feed, reader)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _UnreadableError as unreadable:
            yield unreadable.reject
            continue
        except csv.Error as error:
            yield _first_line(feed, _reason(error))
            feed.back()
            continue
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            continue
        first = feed.record[0]
        if feed.not_utf8:
            yield _first_line(feed, feed.not_utf8)
        elif len(cells) != len(header):
            yield _first_line(feed, f"{len(cells):,} cells where the header has {len(header):,}")
            feed.back()
        else:
            yield Row(first.number, dict(zip(header, map(bare, cells), strict=True)), first.content)


def _header(path: Path, feed: _Feed, reader: Iterator[list[str]]) -> list[str]:
    """The column names, trimmed."""
    try:
        header = [name.strip() for name in next(cells for cells in reader if cells)]
    except StopIteration:
        raise UserError(f"{path}: has no row at all; a CSV file begins with a header of column names") from None
    except (_UnreadableError, csv.Error) as error:
        raise UserError(f"{path}: line 1 is no header of column names: {error}") from None
    if feed.not_utf8:
        raise UserError(f"{path}: line 1 is {feed.not_utf8}")
    if missing := [name for name in ("id", "name") if name not in header]:
        names = " and no column ".join(missing)
        raise UserError(f"{path}: the header has no column {names}: {shown(','.join(header))}")
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):
        raise UserError(f"{path}: the header names a column twice: {shown(', '.join(repeated))}")
    return header


def _first_line(feed: _Feed, reason: str) -> Reject:
    first = feed.record[0]
    return Reject(first.number, None, reason, excerpt(first.content))


def _reason(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end of data" in words:
        words = "a quote is not closed"
    elif "expected after" in words:
        words = "text after a closing quote"
    elif "new-line character" in words:
        words = "a carriage return outside quotes"
    return f"broken CSV: {words}"
