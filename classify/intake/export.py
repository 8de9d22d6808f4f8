"""Rows out to a file, whole or not at all: JSONL, CSV or Parquet by the file's ending."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from classify.errors import UserError
from classify.intake.writers import Columns, Writer, write_csv, write_jsonl, write_parquet, zipped

_FORMATS: dict[str, Writer] = {
    ".jsonl": write_jsonl,
    ".jsonl.gz": zipped(write_jsonl),
    ".csv": write_csv,
    ".csv.gz": zipped(write_csv),
    ".parquet": write_parquet,
}


def write_rows(path: Path | str, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a file, which appears under its name only when it is whole; streams.

    Parameters
    ----------
    path
        A file that ends in .jsonl, .jsonl.gz, .csv, .csv.gz or .parquet; an older one is replaced.
    columns
        The columns in order, with what they hold: str, int, float, bool, datetime (written as ISO 8601 in UTC; without
        a time zone it is taken for UTC; a timestamp in Parquet) or list (observations, `{"date": str, "value":
        float}`: nested in JSONL and Parquet, a JSON string in CSV).
    rows
        Mappings with a value or None for every column; other keys are left out. In CSV, text that a spreadsheet would
        take for a formula gets an apostrophe before it, which `read_indicators` takes away.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    UserError
        When the ending is unknown or the file cannot be written (no such folder, disk full); nothing is left behind.
    """
    path = Path(path)
    writer = check_export_path(path)
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            count = writer(file, columns, rows)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return count


def check_export_path(path: Path) -> Writer:
    """How a file of this name is written.

    Raises
    ------
    UserError
        When it is a directory or its ending is unknown; a command can ask before it does the work.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a directory, not a file")
    writer = next((write for ending, write in _FORMATS.items() if path.name.lower().endswith(ending)), None)
    if writer is None:
        raise UserError(f"{path}: the name of an export ends in {', '.join(_FORMATS)}")
    return writer
