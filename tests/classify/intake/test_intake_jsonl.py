"""JSONL as it really comes: broken lines, broken bytes, broken gzip; every line accounted for, no line lost."""

import gzip
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from classify.errors import UserError
from classify.intake import Accepted, Reject, Rule, read_indicators

Split = Callable[[Path], tuple[list[Accepted], list[Reject]]]
Jsonl = Callable[..., Path]
GOOD = b'{"id": "good", "name": "Good"}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 1,', "broken JSON: Expecting property name enclosed in double quotes at column "),
        (b"nonsense", "broken JSON: Expecting value at column 1"),
        (GOOD + GOOD, "broken JSON: Extra data at column 31"),
        (b"[1, 2]", "not a JSON object but a list"),
        (b"null", "not a JSON object but null"),
        (b'"text"', "not a JSON object but 'text'"),
        (b'{"name": "x"}', "no id"),
        (b'{"id": "x"}', "no name"),
        (b'{"id": "x", "name": "caf\xe9"}', "not UTF-8: byte 0xe9 at position 25"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8: byte 0xff at position 1"),
        (b'{"id": "x", "name": "\xed\xa0\x80"}', "not UTF-8: byte 0xed at position 22"),
        (b'{"id": "x", "name": "a\x00b"}', "broken JSON: Invalid control character at at column "),
        (b'{"id": ' + b"9" * 5000 + b', "name": "x"}', "broken JSON: a number of thousands of digits"),
        (b"[" * 200_000, "broken JSON: "),
        (b'{"id": "x", "name": "x", "sample_values": "oops"}', "sample_values is text that is no JSON: 'oops'"),
        (b'{"id": "x", "name": "' + b"n" * 1_000_000 + b'"}', "name has 1,000,000 characters, more than 1,000"),
    ],
)
def test_bad_line_is_rejected_and_its_neighbours_load(line: bytes, reason: str, jsonl: Jsonl, split: Split) -> None:
    path = jsonl(b'{"id": "first", "name": "First"}', line, GOOD)
    accepted, (reject,) = split(path)
    assert [(a.line, a.indicator.id) for a in accepted] == [(1, "first"), (3, "good")]
    assert reject.line == 2
    assert reject.reason.startswith(reason)
    assert len(reject.reason) < 200
    assert len(reject.excerpt) <= 200
    assert "\n" not in reject.reason


def test_reject_names_the_id_where_there_is_one(jsonl: Jsonl, split: Split) -> None:
    _, rejects = split(jsonl(b'{"id": "x"}', b'{"id": 7}', b"{}", b'{"id": true}', b'{"id": "' + b"y" * 999 + b'"}'))
    assert [reject.id for reject in rejects] == ["x", "7", None, None, "y" * 200]


def test_json_oddities_are_mended(jsonl: Jsonl, split: Split) -> None:
    path = jsonl(
        b'{"id": 1, "name": "\\ud800x", "units": "a\\u0000b", "scale": NaN, "sample_values": ['
        b'{"date": "2024-01", "value": NaN}, {"date": "2024-02", "value": 1e999}, '
        b'{"date": "2024-03", "value": -Infinity}, {"date": 2023, "value": -0}]}'
    )
    (accepted,), rejects = split(path)
    assert not rejects
    assert accepted.indicator.name == "\ufffdx"
    assert accepted.indicator.units == "ab"
    assert accepted.indicator.scale is None
    assert [(o.date, repr(o.value)) for o in accepted.indicator.sample_values] == [("2023", "0.0")]
    assert {mend.rule for mend in accepted.mended} == {
        Rule.MADE_TEXT, Rule.LONE_SURROGATES, Rule.CONTROL_CHARACTERS, Rule.NOT_FINITE_TEXT, Rule.NO_NUMBER,
    }  # fmt: skip


def test_byte_order_mark_crlf_and_blank_lines(tmp_path: Path, split: Split) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \r\n" + GOOD.replace(b"good", b"also") + b"\r\n")
    accepted, rejects = split(path)
    assert [(a.line, a.indicator.id) for a in accepted] == [(1, "good"), (4, "also")]
    assert not rejects


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.jsonl.gz", "EMPTY.JSONL"])
def test_empty_file_has_no_rows(name: str, jsonl: Jsonl, split: Split) -> None:
    assert split(jsonl(b"", name=name)) == ([], [])


def test_endless_line_is_skipped_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"id": "')
        for _ in range(64):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD)
    tracemalloc.start()
    try:
        first, second = read_indicators(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(first, Reject)
    assert (first.line, first.reason) == (1, "line longer than 4,194,304 bytes")
    assert first.excerpt.startswith('{"id": "xxx')
    assert isinstance(second, Accepted)
    assert second.line == 2
    assert peak < 20_000_000


@pytest.mark.parametrize("cut", [1, 9, 500, 3000])
def test_truncated_gzip_loads_what_comes_before_the_break(cut: int, tmp_path: Path, split: Split) -> None:
    lines = [json.dumps({"id": f"id{i}", "name": f"name {i * 7919 % 1000}"}).encode() for i in range(2_000)]
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines))[:-cut])
    accepted, (reject,) = split(path)
    assert [a.line for a in accepted] == list(range(1, len(accepted) + 1))
    assert len(accepted) > 500
    assert reject.line == len(accepted) + 1
    assert reject.reason.startswith("the gzip file breaks off in this line: ")


def test_damaged_gzip_is_one_reject(tmp_path: Path, split: Split) -> None:
    lines = [json.dumps({"id": f"id{i}", "name": f"name {i * 7919 % 1000}"}).encode() for i in range(20_000)]
    content = bytearray(gzip.compress(b"\n".join(lines)))
    content[len(content) // 2 : len(content) // 2 + 64] = b"\xff" * 64
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(content)
    accepted, rejects = split(path)
    assert accepted
    assert rejects[-1].reason.startswith("the gzip file breaks off")


def test_plain_file_that_claims_to_be_gzip(jsonl: Jsonl) -> None:
    path = jsonl(GOOD, name="plain.jsonl.gz")
    with pytest.raises(UserError, match=r"plain\.jsonl\.gz: ends in \.gz but is no gzip file"):
        read_indicators(path)


def test_a_million_characters_do_not_slow_it_down(jsonl: Jsonl, split: Split) -> None:
    line = b'{"id": "%d", "name": "x", "definition": "' + b"d" * 1_000_000 + b'"}'
    path = jsonl(*[line % i for i in range(20)])
    start = time.perf_counter()
    _, rejects = split(path)
    assert len(rejects) == 20
    assert time.perf_counter() - start < 3
