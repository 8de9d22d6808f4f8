"""The lines of a text file as bytes, numbered and bounded: what a broken byte, a broken gzip or an endless line cannot
stop. JSONL and CSV are both read through this.
"""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

from classify.errors import UserError
from classify.intake.outcome import Reject, excerpt

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""The longest line, and the longest CSV record: some 100,000 observations."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


class Line(NamedTuple):
    """A line with its number from 1 and its line end."""

    number: int
    content: bytes


def lines(path: Path) -> Iterator[Line | Reject]:
    """The lines of a file, unzipped if it ends in `.gz`; byte order marks at the start of a line are left out.

    A line that is too long is a reject, and so is the place where a gzip file breaks off.

    Raises
    ------
    UserError
        When the file cannot be read, or ends in `.gz` and is no gzip file.
    """
    number = 1
    zipped = path.name.lower().endswith(".gz")
    try:
        if zipped and not _is_gzip(path):
            raise UserError(f"{path}: ends in .gz but is no gzip file")
        with gzip.open(path) if zipped else path.open("rb") as file:
            while content := file.readline(MAX_RECORD_BYTES + 1):
                if len(content) > MAX_RECORD_BYTES:
                    _skip_line(file, content)
                    yield Reject(number, None, f"line longer than {MAX_RECORD_BYTES:,} bytes", excerpt(content))
                else:
                    yield Line(number, content.removeprefix(_BOM))
                number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Reject(number, None, f"the gzip file breaks off in this line: {error}", "")
    except OSError as error:
        raise UserError(f"{path}: cannot be read at line {number}: {error.strerror or error}") from error


def not_utf8(error: UnicodeDecodeError) -> str:
    """The reason of a reject whose bytes are not UTF-8."""
    return f"not UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start + 1:,}"


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_GZIP)) in (_GZIP, b"")


def _skip_line(file: BufferedIOBase, content: bytes) -> None:
    """Read on to the end of a line of which `content` is the beginning, a piece at a time."""
    while content and not content.endswith(b"\n"):
        content = file.readline(65_536)
