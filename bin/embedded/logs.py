"""The logs of the local stack, for reading: the last lines, and on request what comes after them."""

import time
from collections.abc import Iterator
from pathlib import Path

from bin.embedded import places
from classify.errors import UserError
from config.settings import Settings

_LOOK_EVERY_S = 0.2


def files(settings: Settings, name: str | None) -> list[Path]:
    """The logs that are meant.

    Raises
    ------
    UserError
        When there is no such log.
    """
    found = sorted(places.logs_dir(settings).glob("*.log"))
    if not found:
        raise UserError("there are no logs yet (bin/stack up)")
    if name is None:
        return found
    chosen = [path for path in found if path.stem == name]
    if not chosen:
        raise UserError(f"there is no log of {name!r}; there are {', '.join(path.stem for path in found)}")
    return chosen


def last(path: Path, count: int) -> list[str]:
    """The last lines of a log."""
    if count == 0:
        return []
    with path.open("rb") as log:
        end = log.seek(0, 2)
        size = 0
        block = b""
        while size < end and block.count(b"\n") <= count:
            size = min(end, max(65536, 2 * size))
            log.seek(end - size)
            block = log.read(size)
    return block.decode(errors="replace").splitlines()[-count:]


def following(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Lines as they are written from now on, for ever; a log that begins anew is read from its beginning."""
    positions = {path: path.stat().st_size for path in paths}
    while True:
        quiet = True
        for path, position in positions.items():
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            if size == position:
                continue
            with path.open("rb") as log:
                log.seek(position if size > position else 0)
                block = log.read()
                whole = block.rfind(b"\n") + 1
                positions[path] = log.tell() - len(block) + whole
            for line in block[:whole].decode(errors="replace").splitlines():
                quiet = False
                yield path, line
        if quiet:
            time.sleep(_LOOK_EVERY_S)
