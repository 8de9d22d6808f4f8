"""What reading a row can come to: an indicator or a reject; and the raw row that is on its way to either."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from classify.indicator import Indicator
from classify.intake.mends import Mend

EXCERPT = 200
"""Characters of a rejected row that are kept, enough to find it again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that became an indicator.

    Parameters
    ----------
    line
        Where it stands, from 1: the line of a JSONL file, the first line of a CSV record, the row of a Parquet file.
    indicator
        The valid indicator.
    mended
        What was changed to make it valid; empty for a clean row.
    """

    line: int
    indicator: Indicator
    mended: tuple[Mend, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could be neither used nor mended.

    Parameters
    ----------
    line
        Where it stands, as in `Accepted`.
    id
        Its id, cut to 200 characters; None where there is none or it cannot be made out.
    reason
        Why it was rejected, one line.
    excerpt
        Its beginning, at most 200 characters.
    """

    line: int
    id: str | None
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as its format gives it: any JSON-like value, and the raw bytes where the format has such."""

    line: int
    record: object
    raw: bytes | None = None

    def rejected(self, reason: str) -> Reject:
        """The row as a reject."""
        text = _sketch(self.record) if self.raw is None else excerpt(self.raw)
        return Reject(self.line, _id(self.record), reason, text)


def excerpt(raw: bytes) -> str:
    """The beginning of raw bytes as text; what is not UTF-8 shows as U+FFFD."""
    return raw[: EXCERPT * 4].decode("utf-8", "replace").strip()[:EXCERPT]


def _id(record: object) -> str | None:
    found = record.get("id") if isinstance(record, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found)[:EXCERPT].strip() or None


def _sketch(record: object) -> str:
    """The texts and numbers of a record as JSON, each cut before they are put together."""
    assert isinstance(record, Mapping)
    cut = {
        name: str(value)[:EXCERPT] for name, value in record.items() if value is not None and name != "sample_values"
    }
    return json.dumps(cut, ensure_ascii=False)[:EXCERPT]
