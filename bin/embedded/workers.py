"""The workers of the local stack: one for admission and as many for the stages as are wanted."""

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bin.embedded import places, postgres, processes, redis
from classify.errors import ClassifyError, UserError
from config.settings import Settings

ADMISSION = "admission"
_WORKER = "worker"
_DEFAULT_WORKERS = 2
_WATCHED_FOR_S = 1.0
_STOP_WITHIN_S = 10.0


class WorkerLostError(ClassifyError):
    """A worker ended again and again; the message names its log."""


@dataclass
class Change:
    """What a call changed; names of processes."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)


def command(name: str, concurrency: int | None = None) -> list[str]:
    """The command line of a worker under its supervisor, which starts it again when it ends unasked."""
    module = "bin.commands.admission" if name == ADMISSION else "bin.commands.worker"
    size = ["--concurrency", str(concurrency)] if concurrency and name != ADMISSION else []
    worker = [sys.executable, "-m", module, "--name", name, *size]
    return [sys.executable, "-m", "bin.supervisor", *worker]


def names(count: int) -> list[str]:
    """An admission worker's name and those of so many stage workers."""
    return [ADMISSION, *(f"{_WORKER}{number}" for number in range(1, count + 1))]


def recorded(settings: Settings) -> list[str]:
    """The workers that were started and not stopped since, running or not."""
    return [name for name in processes.recorded(settings) if name not in (redis.NAME, postgres.NAME)]


def lacking(settings: Settings, count: int) -> list[str]:
    """What a run needs and nobody has started: an admission worker, and so many stage workers where there is none."""
    running = [name for name in recorded(settings) if processes.find(settings, name)]
    if any(name != ADMISSION for name in running):
        count = 0
    return [name for name in names(count) if name not in running]


def scale(settings: Settings, count: int | None, concurrency: int | None) -> Change:
    """Start what is missing, stop what is too much; what runs and is wanted is left alone.

    Parameters
    ----------
    count
        Stage workers wanted; None keeps as many as there were.
    concurrency
        Of those that are started; None for the default.

    Raises
    ------
    UserError
        When one that was started ends at once, or PostgreSQL has no room for so many.
    """
    from classify.store import room  # SQLAlchemy takes its time, and `bin/stack down` has no use for it

    before = recorded(settings)
    if count is None:
        count = sum(name.startswith(_WORKER) for name in before) or _DEFAULT_WORKERS
    room.check(count)
    wanted = names(count)
    change = Change(stopped=[name for name in before if name not in wanted])
    change.killed = processes.stop(settings, change.stopped)
    for name in wanted:
        if not processes.find(settings, name):
            processes.spawn(settings, name, command(name, concurrency))
            change.started.append(name)
    _watch(settings, change.started)
    return change


def _watch(settings: Settings, names: list[str]) -> None:
    deadline = time.monotonic() + _WATCHED_FOR_S
    while names and time.monotonic() < deadline:
        for name in names:
            if not processes.find(settings, name):
                log = places.log_file(settings, name)
                tail = " / ".join(processes.last_lines(log, 3))
                raise UserError(f"{name} ended at once: {tail or 'it said nothing'} (log: {log})")
        time.sleep(0.05)


def stop(settings: Settings) -> Change:
    """Stop all workers: each finishes what it has in hand."""
    known = recorded(settings)
    running = [name for name in known if processes.find(settings, name)]
    return Change(stopped=running, killed=processes.stop(settings, known))


class Crew:
    """Workers that a command has started for itself."""

    def __init__(self, settings: Settings, ours: list[str]) -> None:
        self._settings = settings
        self.ours = ours

    def check(self) -> None:
        """Raise WorkerLostError when one of them has ended so often that its supervisor gave up."""
        for name in self.ours:
            if not processes.find(self._settings, name):
                log = places.log_file(self._settings, name)
                last = " / ".join(processes.last_lines(log, 3))
                raise WorkerLostError(f"{name} ended: {last or 'it said nothing'} (log: {log})")

    def stays(self) -> None:
        """Leave them running when the command ends."""
        self.ours.clear()


@contextmanager
def at_work(settings: Settings, wanted: Collection[str]) -> Iterator[Crew]:
    """These workers for as long as the block runs; those that run already are used, and left running.

    Yields
    ------
    Crew
        Those that had to be started.
    """
    crew = Crew(settings, [name for name in wanted if not processes.find(settings, name)])
    try:
        for name in crew.ours:
            processes.spawn(settings, name, command(name))
        yield crew
    finally:
        processes.stop(settings, crew.ours, grace_s=_STOP_WITHIN_S)
