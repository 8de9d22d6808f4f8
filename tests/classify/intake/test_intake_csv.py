"""CSV as spreadsheets and scripts write it: a bad quote, a bad byte or a missing cell costs its own line only."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from classify.errors import UserError
from classify.intake import Accepted, Reject, Rule, read_indicators

Split = Callable[[Path], tuple[list[Accepted], list[Reject]]]


@pytest.fixture
def make_csv(tmp_path: Path) -> Callable[..., Path]:
    def make(*rows: bytes, header: bytes = b"id,name,units", end: bytes = b"\n") -> Path:
        path = tmp_path / "indicators.csv"
        path.write_bytes(end.join([header, *rows]) + end)
        return path

    return make


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"x,X", "2 cells where the header has 3"),
        (b"x,X,USD,more", "4 cells where the header has 3"),
        (b'x,"X,USD', "broken CSV: "),
        (b'x,"X"Y,USD', "broken CSV: text after a closing quote"),
        (b"x,X\rY,USD", "broken CSV: a carriage return outside quotes"),
        (b"x,caf\xe9,USD", "not UTF-8: byte 0xe9 at position 6"),
        (b",X,USD", "no id"),
        (b"x,,USD", "no name"),
        (b"x\x00y,X,USD", "id 'x\\x01y' has control characters"),
        (b"first,X,USD", "id 'first' is already in line 2"),
        (b"x," + b"n" * 1_000_000 + b",USD", "name has 1,000,000 characters, more than 1,000"),
        (b"x," + b"n" * 5_000_000 + b",USD", "line longer than 4,194,304 bytes"),
    ],
)
def test_bad_row_is_rejected_and_its_neighbours_load(
    row: bytes, reason: str, make_csv: Callable[..., Path], split: Split
) -> None:
    path = make_csv(b'first,"First",USD', row, b'good,"Good",USD', b'last,"Last",USD')
    accepted, (reject,) = split(path)
    assert [(a.line, a.indicator.id) for a in accepted] == [(2, "first"), (4, "good"), (5, "last")]
    assert reject.line == 3
    assert reject.reason.startswith(reason)
    assert len(reject.excerpt) <= 200


@pytest.mark.parametrize("quoted", [True, False])
def test_quote_that_is_never_closed_costs_one_line(quoted: bool, make_csv: Callable[..., Path], split: Split) -> None:
    rows = [b'id%d,"Name",USD' % i if quoted else b"id%d,Name,USD" % i for i in range(2_000)]
    accepted, (reject,) = split(make_csv(b'x,"open,USD', *rows))
    assert len(accepted) == 2_000
    assert accepted[0].line == 3
    assert reject.line == 2
    assert reject.excerpt == 'x,"open,USD'


def test_open_quote_before_an_endless_line(make_csv: Callable[..., Path], split: Split) -> None:
    accepted, rejects = split(make_csv(b'x,"open,USD', b"y," + b"n" * 5_000_000, b"good,Good,USD"))
    assert [(r.line, r.reason) for r in rejects] == [
        (2, "broken CSV: a quote is not closed"),
        (3, "line longer than 4,194,304 bytes"),
    ]
    assert [(a.line, a.indicator.id) for a in accepted] == [(4, "good")]


def test_record_longer_than_the_limit_is_given_up(make_csv: Callable[..., Path], split: Split) -> None:
    filler = [b"word " * 200] * 5_000
    accepted, rejects = split(make_csv(b'x,"open,USD', *filler, b"good,Good,USD"))
    assert rejects[0].reason == "broken CSV: a quote is not closed within 4,194,304 bytes"
    assert len(rejects) == 5_001
    assert [a.line for a in accepted] == [5_003]


def test_multi_line_record_counts_from_its_first_line(make_csv: Callable[..., Path], split: Split) -> None:
    accepted, rejects = split(make_csv(b'a,"two\r\nlines",USD', b"", b"b,B,USD"))
    assert not rejects
    assert [(a.line, a.indicator.name) for a in accepted] == [(2, "two lines"), (5, "B")]
    assert accepted[0].mended[0].rule is Rule.CONTROL_CHARACTERS


def test_spreadsheet_file(tmp_path: Path, split: Split) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b'\xef\xbb\xbf id ,name,sample_values\r\n7,GDP,"[{""date"": ""2024"", ""value"": 1}]"\r\n')
    (accepted,), rejects = split(path)
    assert not rejects
    assert (accepted.indicator.id, accepted.indicator.sample_values[0].value) == ("7", 1.0)
    assert accepted.mended == ()


def test_nul_is_removed_from_text(make_csv: Callable[..., Path], split: Split) -> None:
    (accepted,), _ = split(make_csv(b"a,A\x00B,U"))
    assert accepted.indicator.name == "AB"
    assert accepted.mended[0].rule is Rule.CONTROL_CHARACTERS


def test_bad_sample_values(make_csv: Callable[..., Path], split: Split) -> None:
    path = make_csv(b"a,A,oops", b"b,B,{}", b"c,C,[1]", b"d,D,[]", header=b"id,name,sample_values")
    accepted, rejects = split(path)
    assert [a.indicator.id for a in accepted] == ["d"]
    assert [(r.line, r.id, r.reason) for r in rejects] == [
        (2, "a", "sample_values is text that is no JSON: 'oops'"),
        (3, "b", "sample_values is no list: an object"),
        (4, "c", "sample_values has an entry that is no {date, value} object: a number"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no row at all; a CSV file begins with a header of column names"),
        (b"\n\n", "has no row at all; a CSV file begins with a header of column names"),
        (b"id,units\n", "the header has no column name: 'id,units'"),
        (b"a,b\n", "the header has no column id and no column name: 'a,b'"),
        (b"id;name\n1;x\n", "the header has no column id and no column name: 'id;name'"),
        (b"id,name,units,units\n", "the header names a column twice: 'units'"),
        (b"id,n\xe4me\n", "line 1 is not UTF-8: byte 0xe4 at position 5"),
        (b'"id,name\n', "line 1 is no header of column names: unexpected end of data"),
        (b"x" * 5_000_000, "line 1 is no header of column names: line longer than 4,194,304 bytes"),
    ],
)
def test_wrong_header_is_the_users_mistake(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "indicators.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_indicators(path)
    assert str(error.value) == f"{path}: {message}"


def test_truncated_gzip(tmp_path: Path, split: Split) -> None:
    rows = b"id,name\n" + b"".join(b"id%d,name %d\n" % (i, i * 7919 % 1000) for i in range(2_000))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(rows)[:-1000])
    accepted, (reject,) = split(path)
    assert len(accepted) > 500
    assert reject.line == len(accepted) + 2
    assert reject.reason.startswith("the gzip file breaks off in this line: ")
