"""The rows of a JSONL file: one JSON value a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from classify.intake.lines import lines, not_utf8
from classify.intake.outcome import Reject, Row, excerpt


def jsonl_rows(path: Path) -> Iterator[Row | Reject]:
    """The JSON values of a file, line by line; blank lines are skipped, lines that are no JSON are rejects.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    for line in lines(path):
        if isinstance(line, Reject):
            yield line
        elif line.content and not line.content.isspace():
            try:
                yield Row(line.number, json.loads(line.content.decode()), line.content)
            except UnicodeDecodeError as error:
                yield Reject(line.number, None, not_utf8(error), excerpt(line.content))
            except json.JSONDecodeError as error:
                reason = f"broken JSON: {error.msg} at column {error.colno:,}"
                yield Reject(line.number, None, reason, excerpt(line.content))
            except (ValueError, RecursionError):
                reason = "broken JSON: a number of thousands of digits or thousands of nested brackets"
                yield Reject(line.number, None, reason, excerpt(line.content))
