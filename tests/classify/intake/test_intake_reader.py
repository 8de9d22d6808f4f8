"""What all formats have in common: the same rows come out, ids are unique in a file, wrong files are named."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classify.errors import UserError
from classify.intake import Accepted, Reject, Rule, read_indicators

Split = Callable[[Path], tuple[list[Accepted], list[Reject]]]
MakeFile = Callable[[str, list[dict[str, Any]]], Path]

RECORDS: list[dict[str, Any]] = [
    {"id": "a", "name": "Grüße 😀", "units": " USD ", "sample_values": [{"date": "2024-Q1", "value": 1.25}]},
    {"id": "b", "name": 'quoted "text", with comma', "units": None, "sample_values": []},
]


def test_same_rows_in_every_format(ending: str, make_file: MakeFile, split: Split) -> None:
    (a, b), rejects = split(make_file(ending, RECORDS))
    assert not rejects
    assert a.indicator.model_dump(exclude_none=True) == {
        "id": "a", "name": "Grüße 😀", "units": "USD", "sample_values": ({"date": "2024-Q1", "value": 1.25},),
    }  # fmt: skip
    assert [(m.rule, m.detail) for m in a.mended] == [(Rule.TRIMMED, "units")]
    assert (b.indicator.name, b.indicator.units, b.mended) == (RECORDS[1]["name"], None, ())


def test_repeated_id_names_the_first_line(ending: str, make_file: MakeFile, split: Split) -> None:
    records = [{"id": "a", "name": "1"}, {"id": "b", "name": "2"}, {"id": " a ", "name": "3"}]
    accepted, (reject,) = split(make_file(ending, records))
    first, second = (2, 4) if ending.startswith(".csv") else (1, 3)
    assert [a.indicator.id for a in accepted] == ["a", "b"]
    assert (reject.line, reject.id, reject.reason) == (second, "a", f"id 'a' is already in line {first}")


def test_rejected_row_does_not_take_its_id(ending: str, make_file: MakeFile, split: Split) -> None:
    accepted, rejects = split(make_file(ending, [{"id": "a", "name": None}, {"id": "a", "name": "A"}]))
    assert [a.indicator.name for a in accepted] == ["A"]
    assert [r.reason for r in rejects] == ["no name"]


def test_unknown_column_is_reported_once_a_file(ending: str, make_file: MakeFile, split: Split) -> None:
    accepted, _ = split(make_file(ending, [{"id": str(i), "name": "x", "country": "GH"} for i in range(3)]))
    assert [[str(m) for m in a.mended] for a in accepted] == [["'country': unknown column ignored"], [], []]


def test_reported_columns_are_bounded(make_file: MakeFile, split: Split) -> None:
    accepted, _ = split(make_file(".jsonl", [{"id": str(i), "name": "x", f"c{i}": 1} for i in range(50)]))
    assert sum(len(a.mended) for a in accepted) == 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-", "-: indicators are read from files, not from standard input"),
        ("missing.jsonl", "missing.jsonl: no such file"),
        ("folder.csv", "folder.csv: is a directory, not a file"),
        ("file.xlsx", "file.xlsx: a file of indicators ends in .jsonl, .jsonl.gz, .csv, .csv.gz, .parquet"),
        ("file", "file: a file of indicators ends in .jsonl, .jsonl.gz, .csv, .csv.gz, .parquet"),
    ],
)
def test_wrong_file_is_the_users_mistake(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file.xlsx").touch()
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as error:
        read_indicators(name)
    assert str(error.value) == message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(ending: str, make_file: MakeFile) -> None:
    path = make_file(ending, RECORDS)
    path.chmod(0)
    with pytest.raises(UserError, match="Permission denied"):
        read_indicators(path)
