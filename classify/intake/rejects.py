"""The reject file: what could not be loaded, with line and reason, so that it can be mended and loaded again."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from classify.intake.outcome import Reject
from config.visible import visible


def default_reject_path(source: Path | str) -> Path:
    """Where the rejects of a file go: `indicators.csv` → `indicators.csv.rejects.jsonl` in the current directory."""
    return Path.cwd() / f"{Path(source).name}.rejects.jsonl"


class RejectFile:
    """A JSONL file of rejects: file, line, id (or null), reason, excerpt (at most 200 characters).

    Not there before the first reject, which replaces an older file of the same name. When it cannot be written (disk
    full, read-only folder) the rejects go to stderr instead, after one line that says so, and loading goes on.

    Example
    -------
    >>> with RejectFile(default_reject_path("indicators.csv")) as rejects:  # doctest: +SKIP
    ...     rejects.write("indicators.csv", reject)

    Parameters
    ----------
    path
        The file to write; must not be a file that is being loaded.

    Attributes
    ----------
    count
        Rejects so far.
    on_stderr
        How many of them went to stderr.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.on_stderr = 0
        self._file: BinaryIO | None = None
        self._size = 0

    def __enter__(self) -> "RejectFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # every reject was written by itself, so there is nothing left to lose
                self._file.close()

    def write(self, source: Path | str, reject: Reject) -> None:
        """Add a reject of the file `source`; it is in the file (or on stderr) when this returns."""
        entry = {
            "file": str(source),
            "line": reject.line,
            "id": reject.id,
            "reason": reject.reason,
            "excerpt": reject.excerpt,
        }
        # a lone surrogate has no UTF-8; its escape is what JSON calls it
        line = (visible(json.dumps(entry, ensure_ascii=False)) + "\n").encode()
        self.count += 1
        if not self.on_stderr:
            try:
                self._append(line)
            except OSError as error:
                why = error.strerror or error
                print(f"{self.path}: cannot be written ({why}); rejects follow here", file=sys.stderr)
            else:
                return
        self.on_stderr += 1
        print(line.decode(), end="", file=sys.stderr, flush=True)

    def _append(self, line: bytes) -> None:
        """Write a whole line or, when that fails, none of it."""
        if self._file is None:
            self._file = self.path.open("wb", buffering=0)  # unbuffered, so that a full disk shows at once
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file.fileno(), line[written:])
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._size)
            raise
        self._size += written
