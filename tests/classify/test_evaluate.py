"""bin/evaluate: what it counts, what it prints, what it says of a file that is not what it should be."""

import json
from pathlib import Path
from typing import Any

import pytest

from bin.cli import run
from bin.commands import evaluate as command
from classify.errors import UserError
from classify.evaluate import FIELDS, answers_of, read_labelled
from classify.providers.rules import RulesProvider

DEBT = {"id": "a", "name": "Government Debt", "units": "USD Million", "sample_values": [{"date": "2024", "value": 5}]}
DEBT_LABELS = {
    "family": "physical-fundamental",
    "indicator_type": "stock",
    "temporal_aggregation": "point-in-time",
    "is_currency_denominated": True,
    "heat_map_orientation": "lower-is-positive",
}
RATE = {"id": "b", "name": "Inflation Rate", "units": "%", "sample_values": [{"date": "last10YearsAvg", "value": 2}]}


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def facts(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert command.main([*argv, "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_all_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got = facts(capsys, written(tmp_path / "x.jsonl", {"indicator": DEBT, "expected": DEBT_LABELS}))
    assert got["n"] == 1
    assert got["provider"] == "rules"
    assert got["accuracy"] == dict.fromkeys(FIELDS, 1.0)
    assert got["misses"] == got["confusion"] == []


def test_a_miss_names_what_was_expected_and_what_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**DEBT_LABELS, "family": "price-value"}
    path = written(tmp_path / "x.jsonl", {"indicator": DEBT, "expected": wrong})
    got = facts(capsys, path)
    assert got["accuracy"]["family"] == 0.0
    assert got["accuracy"]["indicator_type"] == 1.0
    (miss,) = got["misses"]
    assert {k: miss[k] for k in ("id", "name", "field", "expected", "got")} == {
        "id": "a",
        "name": "Government Debt",
        "field": "family",
        "expected": "price-value",
        "got": "physical-fundamental",
    }
    assert got["confusion"] == [
        {"field": "family", "expected": "price-value", "got": "physical-fundamental", "count": 1}
    ]
    assert command.main([path]) == 0
    text = capsys.readouterr().out
    assert "price-value → physical-fundamental" in text
    assert "by confidence" in text


def test_several_files_and_labels_that_leave_fields_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = written(tmp_path / "a.jsonl", {"indicator": DEBT, "expected": DEBT_LABELS})
    second = written(tmp_path / "b.jsonl", {"indicator": RATE, "expected": {"family": "change-movement"}})
    got = facts(capsys, first, second)
    assert got["n"] == 2
    assert got["accuracy"]["family"] == 1.0
    assert sum(band["n"] for band in got["calibration"]) == len(FIELDS) + 1


def test_observations_without_a_date_are_no_reason_to_refuse(tmp_path: Path) -> None:
    (row,) = read_labelled(written(tmp_path / "x.jsonl", {"indicator": RATE, "expected": {"family": "other"}}))
    assert answers_of(RulesProvider(), row.indicator)["family"][0] == "change-movement"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no labelled indicators"),
        (b"{", ":1: not JSON"),
        (b"\xff\n", ":1: not JSON"),
        (b"[" * 100_000, ":1: not JSON"),
        (b"\n[1]\n", ':2: not an object with "indicator" and "expected"'),
        (b'{"indicator": {"id": "a", "name": "b"}, "expected": {}}', "gives none of family"),
        (b'{"indicator": {"id": "a"}, "expected": {"family": "other"}}', ":1: no name"),
        (b'{"indicator": {"id": "a", "name": "b"}, "expected": {"family": "fish"}}', 'family cannot be "fish"'),
        (b'{"indicator": {"id": "a", "name": "b"}, "expected": {"is_currency_denominated": 1}}', "cannot be 1"),
    ],
)
def test_a_malformed_file_is_one_clear_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        command.main([str(path)])
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_exits_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(command.main, [str(tmp_path / "none.jsonl")])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unknown_provider_exits_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "x.jsonl", {"indicator": DEBT, "expected": DEBT_LABELS})
    with pytest.raises(SystemExit) as end:
        run(command.main, [path, "--provider", "oracle"])
    assert end.value.code == 2
    assert "oracle" in capsys.readouterr().err
