"""Files of indicators in every format, made from plain records."""

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from classify.intake import Accepted, Reject, read_indicators

Record = dict[str, Any]
MakeFile = Callable[[str, Sequence[Record]], Path]


def _bytes(ending: str, records: Sequence[Record]) -> bytes:
    if ending.startswith(".jsonl"):
        return b"".join(json.dumps(record).encode() + b"\n" for record in records)
    columns = list(dict.fromkeys(name for record in records for name in record))
    lines: list[str] = []

    class Sink:
        def write(self, text: str) -> None:
            lines.append(text)

    writer = csv.writer(Sink())
    writer.writerow(columns)
    for record in records:
        cells = [record.get(name) for name in columns]
        writer.writerow([json.dumps(cell) if isinstance(cell, list) else cell for cell in cells])
    return "".join(lines).encode()


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Makes `indicators<ending>` of records."""

    def make(ending: str, records: Sequence[Record]) -> Path:
        path = tmp_path / f"indicators{ending}"
        if ending == ".parquet":
            columns = list(dict.fromkeys(name for record in records for name in record))
            table = pa.table({name: [record.get(name) for record in records] for name in columns})
            parquet.write_table(table, path)
        else:
            content = _bytes(ending, records)
            path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
        return path

    return make


@pytest.fixture(params=[".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet"])
def ending(request: pytest.FixtureRequest) -> str:
    """Every format in turn."""
    return str(request.param)


@pytest.fixture
def split() -> Callable[[Path], tuple[list[Accepted], list[Reject]]]:
    """Reads a file: what was accepted, what was rejected."""

    def read(path: Path) -> tuple[list[Accepted], list[Reject]]:
        outcomes = list(read_indicators(path))
        return [o for o in outcomes if isinstance(o, Accepted)], [o for o in outcomes if isinstance(o, Reject)]

    return read


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """A JSONL file of raw lines."""

    def make(*lines: bytes, name: str = "indicators.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(b"\n".join(lines))
        return path

    return make
