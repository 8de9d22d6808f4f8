"""Processes that outlive the command that started them: started detached, found again, stopped, never confused.

A process is known by its pid *and* the moment it was born, so that a recycled pid is never taken for it, let alone
killed. It is recorded before it runs: a command killed half-way leaves no process that nobody knows of.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bin.embedded import places
from bin.workers import by_number
from config.settings import ROOT, Settings

GRACE_S = 30.0
"""How long a process may take to end by itself before it is killed."""

_WAIT_FOR_WORD = 'read -r word && exec "$@" </dev/null'
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BIG_LOG = 10_000_000
_KILL_TAKES_S = 5.0

_children: list[subprocess.Popen[bytes]] = []
"""What this very process started; kept so that they can be reaped when they end."""


@dataclass(frozen=True)
class Process:
    """A process of the stack, as its pid file describes it.

    Parameters
    ----------
    name
        Unique in the stack: `redis`, `worker1`.
    pid
        Also the id of its session.
    born
        When it started, in a form that is only ever compared.
    data
        The identity of the data folder it works on: a copied folder's pid files mean nothing.
    started_at
        Seconds since the epoch.
    command
        The command line.
    """

    name: str
    pid: int
    born: str
    data: str
    started_at: float
    command: list[str]

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return birth(self.pid) == self.born


def birth(pid: int) -> str | None:
    """The moment a process was born, exact and unmoved by changes of the clock; None if it does not run."""
    for child in _children:
        if child.pid == pid:
            child.poll()
    if _BOOT_ID.exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_BOOT_ID.read_text().strip()}:{fields[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def spawn(
    settings: Settings, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> Process:
    """Start a process in a session of its own, with its output in `logs/<name>.log`.

    Its first moments are a shell that waits for a word, which it gets when the pid file is written; should this
    process be killed before, there is no word and the shell ends.

    Parameters
    ----------
    environment
        Variables on top of those of this process.
    """
    places.prepare(settings)
    words = [str(word) for word in command]
    log = places.log_file(settings, name)
    if log.exists() and log.stat().st_size > _BIG_LOG:
        log.replace(log.with_suffix(".log.1"))
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "DATA_DIR": str(settings.data_dir)}
    with log.open("ab") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _WAIT_FOR_WORD, "sh", *words],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **own, **(environment or {})},
            start_new_session=True,
            umask=0o077,
        )
    _children.append(child)
    assert child.stdin is not None
    process = Process(name, child.pid, birth(child.pid) or "", places.identity(settings), time.time(), words)
    path = _record(settings, name)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(process)))
    draft.replace(path)
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(b"go\n")
        child.stdin.close()
    return process


def _record(settings: Settings, name: str) -> Path:
    return places.records_dir(settings) / f"{name}.pid"


def find(settings: Settings, name: str) -> Process | None:
    """The running process of that name, if there is one."""
    try:
        process = Process(**json.loads(_record(settings, name).read_text()))
        mine = process.data == places.identity(settings)
    except (OSError, ValueError, TypeError):
        return None
    return process if mine and process.alive else None


def recorded(settings: Settings) -> list[str]:
    """The names of all processes that were started and not stopped since, running or not."""
    return sorted((path.stem for path in places.records_dir(settings).glob("*.pid")), key=by_number)


def forget(settings: Settings, name: str) -> None:
    """Remove a pid file."""
    _record(settings, name).unlink(missing_ok=True)


def stop(
    settings: Settings, names: Collection[str], first: signal.Signals = signal.SIGTERM, grace_s: float = GRACE_S
) -> list[str]:
    """Ask processes to end, all at once; kill what has not after a while; remove their pid files.

    Returns
    -------
    list
        Names of those that had to be killed.
    """
    running = [process for name in names if (process := find(settings, name))]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, first)
    deadline = time.monotonic() + grace_s
    killed = [process for process in running if not wait(process, deadline - time.monotonic())]
    for process in killed:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its children
    for process in killed:
        wait(process, _KILL_TAKES_S)
    for name in names:
        forget(settings, name)
    return [process.name for process in killed]


def stop_strays(folder: Path, programs: Collection[str]) -> None:
    """End processes that work in a folder though no pid file knows them: their pid file was removed, or their parent
    was killed before them. The folder is compared itself and not by name, which means another one in a container.
    """
    strays = [pid for pid in psutil.pids() if _works_in(pid, folder, programs)]
    for number, timeout_s in ((signal.SIGINT, 10.0), (signal.SIGKILL, _KILL_TAKES_S)):
        running = [Process("", pid, born, "", 0, []) for pid in strays if (born := birth(pid))]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        deadline = time.monotonic() + timeout_s
        for process in running:
            wait(process, deadline - time.monotonic())


def _works_in(pid: int, folder: Path, programs: Collection[str]) -> bool:
    try:
        process = psutil.Process(pid)
        if process.name() not in programs:
            return False
        link = Path(f"/proc/{pid}/cwd")
        return os.path.samestat((link if link.exists() else Path(process.cwd())).stat(), folder.stat())
    except (OSError, psutil.Error):
        return False


def wait(process: Process, timeout_s: float) -> bool:
    """Wait until a process has ended; whether it has."""
    deadline = time.monotonic() + timeout_s
    pause = 0.005
    while process.alive:
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def last_lines(path: Path, count: int) -> list[str]:
    """The end of a log, as far as it can be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4000 - 400 * count))
            return [line for line in log.read().decode(errors="replace").splitlines() if line.strip()][-count:]
    except OSError:
        return []
