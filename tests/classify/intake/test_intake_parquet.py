"""Parquet as pandas, Spark and exports write it: typed cells, nested or textual sample values, damaged files."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from classify.errors import UserError
from classify.intake import Accepted, Reject, Rule, read_indicators

Split = Callable[[Path], tuple[list[Accepted], list[Reject]]]


@pytest.fixture
def make_parquet(tmp_path: Path) -> Callable[..., Path]:
    def make(columns: dict[str, Any], **options: Any) -> Path:
        path = tmp_path / "indicators.parquet"
        parquet.write_table(pa.table(columns), path, **options)
        return path

    return make


def test_typed_cells_become_text(make_parquet: Callable[..., Path], split: Split) -> None:
    path = make_parquet(
        {
            "id": [1, 2],
            "name": pa.array(["One", "Two"]).dictionary_encode(),
            "units": [1.0, None],
            "scale": [Decimal("1000.00"), None],
            "topic": [date(2024, 1, 1), None],
            "dataset": pa.array([datetime(2024, 1, 1), None], pa.timestamp("ns")),
            "currency_code": [b"USD", None],
        }
    )
    (one, two), rejects = split(path)
    assert not rejects
    assert one.indicator.model_dump(exclude_none=True) == {
        "id": "1", "name": "One", "units": "1", "scale": "1000", "topic": "2024-01-01", "dataset": "2024-01-01",
        "currency_code": "USD", "sample_values": (),
    }  # fmt: skip
    assert (two.line, two.indicator.units) == (2, None)


@pytest.mark.parametrize(
    "values",
    [
        [[{"date": "2024-01", "value": 1.5}, {"date": "2024-02", "value": None}], None],
        ['[{"date": "2024-01", "value": 1.5}, {"date": "2024-02", "value": null}]', None],
        pa.array(
            [[{"date": "2024-01", "value": 1.5}, {"date": "2024-02", "value": float("nan")}], None],
            pa.large_list(pa.struct([("date", pa.string()), ("value", pa.float32())])),
        ),
    ],
)
def test_nested_and_textual_sample_values(values: Any, make_parquet: Callable[..., Path], split: Split) -> None:
    (one, two), _ = split(make_parquet({"id": ["a", "b"], "name": ["A", "B"], "sample_values": values}))
    assert [(o.date, o.value) for o in one.indicator.sample_values] == [("2024-01", 1.5)]
    assert two.indicator.sample_values == ()


def test_typed_dates(make_parquet: Callable[..., Path], split: Split) -> None:
    kind = pa.list_(pa.struct([("date", pa.date32()), ("value", pa.decimal128(10, 2))]))
    values = pa.array([[{"date": date(2024, 1, 31), "value": Decimal("1.50")}]], kind)
    (one,), _ = split(make_parquet({"id": ["a"], "name": ["A"], "sample_values": values}))
    assert [(o.date, o.value) for o in one.indicator.sample_values] == [("2024-01-31", 1.5)]


def test_bad_rows_are_rejected_with_their_number(make_parquet: Callable[..., Path], split: Split) -> None:
    path = make_parquet(
        {
            "id": ["a", None, "c", "a", "e\x00", "f", "g"],
            "name": ["A", "B", None, "D", "E", "x" * 1_000_000, "G"],
            "sample_values": [None] * 6 + ["oops"],
        }
    )
    accepted, rejects = split(path)
    assert [a.line for a in accepted] == [1]
    assert [(r.line, r.id, r.reason) for r in rejects] == [
        (2, None, "no id"),
        (3, "c", "no name"),
        (4, "a", "id 'a' is already in line 1"),
        (5, "e\x00", "id 'e\\x00' has control characters"),
        (6, "f", "name has 1,000,000 characters, more than 1,000"),
        (7, "g", "sample_values is text that is no JSON: 'oops'"),
    ]
    assert all(len(reject.excerpt) <= 200 for reject in rejects)
    assert rejects[2].excerpt == '{"id": "a", "name": "D"}'


def test_cells_without_a_python_form_cost_their_row_only(make_parquet: Callable[..., Path], split: Split) -> None:
    names = pa.array([b"A", b"caf\xe9", b"C"]).view(pa.string())
    times = pa.array([0, 0, 2**60], pa.int64()).view(pa.timestamp("ms"))
    accepted, rejects = split(make_parquet({"id": ["a", "b", "c"], "name": names, "topic": times}))
    assert [a.line for a in accepted] == [1]
    assert [r.line for r in rejects] == [2, 3]
    assert all(r.reason.startswith("a cell cannot be read: ") for r in rejects)


def test_list_of_numbers_or_pairs_is_rejected(make_parquet: Callable[..., Path], split: Split) -> None:
    pairs = pa.array([[("2024", 1.0)]], pa.map_(pa.string(), pa.float64()))
    for values in (pairs, [[1.0]]):
        _, (reject,) = split(make_parquet({"id": ["a"], "name": ["A"], "sample_values": values}))
        assert reject.reason.startswith("sample_values has an entry that is no {date, value} object")


def test_unknown_columns_are_not_even_read(make_parquet: Callable[..., Path], split: Split) -> None:
    bad = pa.array([b"\xff", b"\xff"]).view(pa.string())
    accepted, rejects = split(make_parquet({"id": ["a", "b"], "name": ["A", "B"], "other": bad}))
    assert not rejects
    assert [[(m.rule, m.detail) for m in a.mended] for a in accepted] == [[(Rule.UNKNOWN_COLUMN, "'other'")], []]


@pytest.mark.parametrize(
    ("columns", "message"), [({"id": ["a"]}, "has no column name"), ({"name": ["A"]}, "has no column id")]
)
def test_missing_columns(columns: dict[str, Any], message: str, make_parquet: Callable[..., Path]) -> None:
    path = make_parquet(columns)
    with pytest.raises(UserError) as error:
        read_indicators(path)
    assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id,name\na,A\n", b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_not_a_parquet_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fake.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"fake\.parquet: is no Parquet file that can be read: ") as error:
        read_indicators(path)
    assert "\n" not in str(error.value)


def test_damaged_file_loads_what_comes_before(tmp_path: Path, split: Split) -> None:
    path = tmp_path / "damaged.parquet"
    ids = [f"id{i}" for i in range(4_000)]
    parquet.write_table(pa.table({"id": ids, "name": ids}), path, row_group_size=1_000, use_dictionary=False)
    start = parquet.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    accepted, (reject,) = split(path)
    assert len(accepted) == 2_000
    assert reject.line == 2_001
    assert reject.reason.startswith("the Parquet file breaks off in or after this row: ")
