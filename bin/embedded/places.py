"""The folders of the local stack: made, told apart from other people's folders, locked, removed.

A folder is ours when it holds the marker; only what is named here is ever removed from it.
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bin.embedded import unprivileged
from classify.errors import UserError
from config.settings import Settings

_MARKER = "classify.data"
_MARKER_TEXT = "Data of the classify stack; `bin/stack clean` removes it.\n"
_PARTS = ("logs", "postgres", "redis", "run")
_LOCK_WAIT_S = 90.0


def logs_dir(settings: Settings) -> Path:
    """Where every process of the stack writes its log."""
    return settings.data_dir / "logs"


def log_file(settings: Settings, name: str) -> Path:
    """The log of one process of the stack."""
    return logs_dir(settings) / f"{name}.log"


def records_dir(settings: Settings) -> Path:
    """Where the pid files are: beside the data even when the sockets cannot be, since no cleaner of /tmp comes here."""
    return settings.data_dir / "run"


def prepare(settings: Settings) -> None:
    """Make the folders of the stack.

    Raises
    ------
    UserError
        When they cannot be made, or the folder is somebody else's.
    """
    data = settings.data_dir
    try:
        if not (data / _MARKER).exists():
            foreign = [name for name in _PARTS if (data / name).exists()]
            if foreign:
                raise UserError(
                    f"DATA_DIR: {data} has a {foreign[0]!r} that this program did not make; name another folder"
                )
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            (data / _MARKER).write_text(_MARKER_TEXT)
        for name in _PARTS:
            (data / name).mkdir(mode=0o700, exist_ok=True)
        settings.run_dir.mkdir(mode=0o700, exist_ok=True)
        if not os.access(data, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise UserError(f"DATA_DIR: {data} cannot be used: {error.strerror}") from None
    found = settings.run_dir.lstat()
    server = unprivileged.other_user()
    owners = {os.geteuid()} if server is None else {0, server.pw_uid}
    if found.st_uid not in owners or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise UserError(f"{settings.run_dir} belongs to somebody else: it cannot hold this stack's sockets")


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """The folders made, and nobody else at work on the stack; the system frees the lock of a killed command.

    Raises
    ------
    UserError
        When another command holds the lock for longer than any takes.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    path = records_dir(settings) / "lock"
    while True:
        prepare(settings)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _try_lock(handle):
                if time.monotonic() > deadline:
                    raise UserError("another command has been starting or stopping the stack for long; try again later")
                time.sleep(0.02)
            if not _is_same_file(handle, path):
                continue  # `clean` removed the folder while this command waited for it
            yield
            return
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def identity(settings: Settings) -> str:
    """What tells a data folder from a copy of it; it stays when the folder is moved."""
    found = settings.data_dir.stat()
    return f"{found.st_dev}:{found.st_ino}"


def is_ours(settings: Settings) -> bool:
    """Whether this program made the data folder."""
    return (settings.data_dir / _MARKER).is_file()


def remove(settings: Settings) -> list[str]:
    """Remove what this program made; what it did not make stays, and its names are returned."""
    for name in _PARTS:
        shutil.rmtree(settings.data_dir / name, ignore_errors=name != "run")
    shutil.rmtree(settings.run_dir, ignore_errors=True)
    (settings.data_dir / _MARKER).unlink(missing_ok=True)
    left = sorted(path.name for path in settings.data_dir.iterdir())
    if not left:
        settings.data_dir.rmdir()
    return left
