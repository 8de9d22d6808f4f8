"""Whatever the bytes: only outcomes come out, every non-blank line is accounted for, what is accepted can be stored."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from classify.errors import UserError
from classify.indicator import Indicator
from classify.intake import Accepted, Reject, read_indicators

ANY_TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "2024-01", "1,234.5", "NaN", "\ud800", "\x00", "=1", '[{"date": "2024", "value": 1}]', "last10YearsAvg"]
)
ANY_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
OBSERVATION = st.fixed_dictionaries({}, optional={"date": ANY_SCALAR, "value": ANY_SCALAR, "more": ANY_SCALAR})
ANY_JSON = st.recursive(ANY_SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner))
ANY_RECORD = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(Indicator.model_fields, ANY_SCALAR)
    | {"sample_values": st.lists(OBSERVATION, max_size=5) | ANY_JSON, "unknown": ANY_JSON},
)
NEAR_CSV = st.lists(st.sampled_from([b'"', b'""', b",", b"a", b"\r\n", b"\n", b"\x00", b"\xff", b" ", b"b,B"]))


def outcomes(content: bytes, name: str) -> list[Accepted | Reject]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        return list(read_indicators(path))


def check(found: list[Accepted | Reject]) -> None:
    lines = [outcome.line for outcome in found]
    assert lines == sorted(set(lines))
    ids = [o.indicator.id for o in found if isinstance(o, Accepted)]
    assert len(ids) == len(set(ids))
    for outcome in found:
        if isinstance(outcome, Accepted):
            stored = outcome.indicator.model_dump_json()
            assert "\\u0000" not in stored
            assert Indicator.model_validate_json(stored) == outcome.indicator
            assert len(outcome.indicator.series()) == len(outcome.indicator.sample_values)
        else:
            assert outcome.reason
            assert len(outcome.excerpt) <= 200


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60)))
def test_arbitrary_bytes_as_jsonl(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    found = outcomes(content, "x.jsonl")
    check(found)
    content = b"\n".join(line.removeprefix(b"\xef\xbb\xbf") for line in content.split(b"\n"))
    assert len(found) == sum(1 for line in content.split(b"\n") if line and not line.isspace())


@settings(deadline=None)
@given(st.lists(ANY_RECORD | ANY_JSON, max_size=5))
def test_arbitrary_json_as_jsonl(records: list[Any]) -> None:
    found = outcomes(b"".join(json.dumps(record).encode() + b"\n" for record in records), "x.jsonl")
    check(found)
    assert [outcome.line for outcome in found] == list(range(1, len(records) + 1))


@settings(deadline=None)
@given(st.lists(ANY_RECORD, max_size=5))
def test_arbitrary_cells_as_csv(records: list[dict[str, Any]]) -> None:
    columns = list(Indicator.model_fields)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        cells = [["" if r.get(name) is None else str(r[name]) for name in columns] for r in records]
        quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [columns, *cells]]
        path.write_bytes("\n".join(quoted).encode("utf-8", "replace"))  # csv.writer refuses NUL in Python 3.10
        found = list(read_indicators(path))
    check(found)
    assert len(found) == len(records)


@settings(deadline=None, max_examples=500)
@given(NEAR_CSV | st.lists(st.binary(max_size=30)))
def test_arbitrary_bytes_as_csv(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    found = outcomes(b"id,name\n" + content, "x.csv")
    check(found)
    if b'"' not in content and b"\r" not in content:
        lines = [line.removeprefix(b"\xef\xbb\xbf") for line in content.split(b"\n")]
        assert len(found) == sum(1 for line in lines if line.decode("utf-8", "replace").replace("\0", "\1").strip())


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["x.jsonl.gz", "x.csv", "x.csv.gz", "x.parquet"]))
def test_arbitrary_files(content: bytes, name: str) -> None:
    for prefix in (b"", b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x00\x03", b"PAR1"):
        said = ""
        try:
            check(outcomes(prefix + content, name))
        except UserError as error:
            said = str(error)
        assert "\n" not in said
