"""Exports: whole or not there, readable again, harmless in a spreadsheet."""

import csv
import gzip
import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from classify.errors import UserError
from classify.intake import Accepted, Reject, write_rows
from classify.intake.csv_cells import bare, guarded

Split = Callable[[Path], tuple[list[Accepted], list[Reject]]]

COLUMNS: dict[str, type] = {
    "id": str, "name": str, "units": str, "sample_values": list, "family": str, "confidence": float,
    "is_currency_denominated": bool, "attempts": int, "created_at": datetime,
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {
        "id": "-a", "name": '=HYPERLINK("x")', "units": "'=1", "sample_values": [{"date": "2024-Q1", "value": 1.5}],
        "family": "other", "confidence": Decimal("0.25"), "is_currency_denominated": True, "attempts": 1,
        "created_at": datetime(2024, 6, 1, 14, tzinfo=timezone(timedelta(hours=2))), "not exported": 1,
    },
    {
        "id": "b", "name": 'Grüße, "quoted"', "units": None, "sample_values": [], "family": "other",
        "confidence": float("nan"), "is_currency_denominated": False, "attempts": None,
        "created_at": datetime(2024, 6, 1, 12),
    },
]  # fmt: skip
CREATED = datetime(2024, 6, 1, 12, tzinfo=timezone.utc)


def test_what_is_exported_can_be_read_again(ending: str, tmp_path: Path, split: Split) -> None:
    path = tmp_path / f"export{ending}"
    assert write_rows(path, COLUMNS, ROWS) == 2
    accepted, rejects = split(path)
    assert not rejects
    for row, outcome in zip(ROWS, accepted, strict=True):
        assert outcome.indicator.model_dump(include={"id", "name", "units"}) == {
            name: row[name] for name in ("id", "name", "units")
        }
        assert [o.model_dump() for o in outcome.indicator.sample_values] == row["sample_values"]
    assert list(tmp_path.iterdir()) == [path]


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    write_rows(path, COLUMNS, ROWS)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert list(first) == list(COLUMNS)
    assert first["confidence"] == 0.25
    assert first["created_at"] == second["created_at"] == "2024-06-01T12:00:00+00:00"
    assert second["confidence"] is None


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    write_rows(path, COLUMNS, ROWS)
    with path.open(encoding="utf-8", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == list(COLUMNS)
    assert first == [
        "'-a", "'=HYPERLINK(\"x\")", "''=1", '[{"date": "2024-Q1", "value": 1.5}]', "other", "0.25", "true", "1",
        "2024-06-01T12:00:00+00:00",
    ]  # fmt: skip
    assert second[5:8] == ["", "false", ""]


def test_parquet_is_typed_even_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    assert write_rows(path, COLUMNS, []) == 0
    assert parquet.read_schema(path).types == [
        pa.string(), pa.string(), pa.string(), pa.list_(pa.struct([("date", pa.string()), ("value", pa.float64())])),
        pa.string(), pa.float64(), pa.bool_(), pa.int64(), pa.timestamp("us", tz="UTC"),
    ]  # fmt: skip
    write_rows(path, COLUMNS, ROWS)
    assert [row["created_at"] for row in parquet.read_table(path).to_pylist()] == [CREATED, CREATED]


def test_parquet_is_written_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    assert write_rows(path, {"id": str, "name": str}, ({"id": str(i), "name": "x"} for i in range(12_000))) == 12_000
    assert parquet.ParquetFile(path).metadata.num_row_groups == 3


def test_same_rows_give_the_same_gzip(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_rows(tmp_path / name, {"id": str}, [{"id": "x"}])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == b'{"id": "x"}\n'


def test_failed_export_leaves_the_old_file_and_nothing_else(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"export{ending}"
    path.write_bytes(b"old")

    def failing() -> Iterator[dict[str, Any]]:
        yield {"id": "a"}
        raise RuntimeError("database gone")

    with pytest.raises(RuntimeError, match="database gone"):
        write_rows(path, {"id": str}, failing())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_one_clear_line(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / f"export{ending}"
    with pytest.raises(UserError) as error:
        write_rows(path, {"id": str}, [{"id": "a"}])
    assert str(error.value) == f"{path}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_link_is_followed_and_permissions_are_the_usual(tmp_path: Path) -> None:
    real = tmp_path / "real.jsonl"
    link = tmp_path / "link.jsonl"
    link.symlink_to(real)
    write_rows(link, {"id": str}, [{"id": "a"}])
    assert link.is_symlink()
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(real.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/x.jsonl", "cannot be written: No such file or directory"),
        ("x.xlsx", "the name of an export ends in .jsonl, .jsonl.gz, .csv, .csv.gz, .parquet"),
        ("folder.csv", "is a directory, not a file"),
    ],
)
def test_wrong_target_is_the_users_mistake(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError) as error:
        write_rows(tmp_path / name, {"id": str}, [])
    assert str(error.value) == f"{tmp_path / name}: {message}"


@given(st.text(st.sampled_from("'=+-@a\t\r")))
def test_guard_is_undone_exactly(text: str) -> None:
    assert bare(guarded(text)) == text
    assert not guarded(text).startswith(tuple("=+-@\t\r"))
