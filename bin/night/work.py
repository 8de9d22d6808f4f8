"""A night's work, step by step: load, take up what was cut short, enqueue what is new or changed, wait for the end."""

import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kombu.exceptions import OperationalError as BrokerError
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from bin.commands import health
from bin.commands.load import text as load_text
from bin.embedded import workers
from bin.embedded.workers import Crew
from bin.progress import follow
from bin.source import Source
from classify.errors import ClassifyError
from classify.intake import RejectFile
from classify.loading import Loaded
from classify.store import calls, ledger, room, runs
from classify.store.locks import Lock
from classify.store.runs import Run, Selection
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import settings
from tasks.enqueue import start_run
from tasks.errors import is_transient
from tasks.leases import AWAY
from tasks.pace import pace
from tasks.resume import resume_run

MOST_FAILURES = 2
"""What has failed by itself in so many nights is left alone until it changes, or somebody asks for it."""

STALLED_S = 900.0
"""Waiting ends when nothing at all was finished for so long: the workers are gone, or stuck."""
_STALLED_INTERVALS = 3
_AWAY_S = 600.0
"""A store that is away is waited for so long; a restart or a failover takes less."""
_LOOK_EVERY_S = 5.0


class UnfinishedError(ClassifyError):
    """The night is over and a run is not; the message says why."""


class OutOfTimeError(UnfinishedError):
    """What `--within` allows is over. Nothing is wrong with the run, which goes on."""


@dataclass(frozen=True)
class Plan:
    """What a night is to do.

    Parameters
    ----------
    source
        What to load; None for what is loaded already.
    ipm
        Indicators a minute; None for the default, and for what runs that go on were given.
    max_cost
        USD that this night may cost, over all its runs; None for no limit.
    within_s
        Seconds to wait at the most.
    workers
        Stage workers to start on this machine where none run.
    retry_failed
        Also take what has failed too often.
    every_s
        Seconds between two lines of progress where there is no terminal; infinity for a quiet night.
    """

    source: Source | None
    rejects: Path | None
    ipm: float | None
    provider: str
    max_cost: float | None
    within_s: float
    workers: int
    retry_failed: bool
    every_s: float


class Night:
    """One night, and what came of it so far.

    Parameters
    ----------
    say
        Told what is going on, a line at a time.

    Attributes
    ----------
    loaded
        What became of each file, or of the query.
    runs
        Ids of the runs that this night has waited for → what they had cost before, in USD.
    crew_stays
        Whether workers were left running, for a run that goes on.
    """

    def __init__(self, plan: Plan, lock: Lock, say: Callable[[str], None]) -> None:
        self.loaded: list[Loaded] = []
        self.runs: dict[str, float] = {}
        self.crew_stays = False
        self._plan = plan
        self._lock = lock
        self._say = say
        self._began = time.monotonic()
        self._crew: Crew | None = None

    def load(self) -> None:
        """Load what there is to load.

        Raises
        ------
        UserError
            When the source cannot be read.
        """
        source = self._plan.source
        if source is None:
            return
        with RejectFile(self._plan.rejects or source.default_rejects()) as rejects:
            for loaded in source.load(rejects):
                self.loaded.append(loaded)
                self._say(load_text(loaded))

    def work(self) -> str | None:
        """Everything after loading, in the order in which it was promised: runs that are on, halted ones, a new one.

        Returns
        -------
        str or None
            Why it is over before its time: a run was halted, or the money is spent. None when all was done.

        Raises
        ------
        UnfinishedError
            When waiting ends before a run does.
        UserError
            When PostgreSQL has no room for the workers; nothing was begun.
        """
        if lacking := self._lacking():
            room.check(len(lacking), 0)
        with ExitStack() as stack:
            for run_id in [run.run_id for run in reversed(ledger.open_runs())]:
                self._say(f"run {run_id} goes on")
                if self._plan.ipm is not None:
                    runs.resume(run_id, target_ipm=self._plan.ipm)
                    pace().set_target(self._plan.ipm)
                if reason := self._wait(runs.find_run(run_id), stack):
                    return reason
            for run_id in ledger.halted(self._plan.provider):
                if reason := self._wait(self._resumed(run_id), stack):
                    return reason
            if self._rest() <= 0:
                return f"the budget of ${self._plan.max_cost:,g} is spent"
            if (new := self._new()) is None:
                return None
            self._say(f"run {new.run_id}: {new.total:,} indicators at {new.target_ipm:,g} IPM")
            return self._wait(new, stack)

    def spent(self) -> float:
        """What this night has cost so far, in USD."""
        return sum(calls.spent(run_id) - before for run_id, before in self.runs.items())

    def _rest(self) -> float:
        return math.inf if self._plan.max_cost is None else self._plan.max_cost - self.spent()

    def _resumed(self, run_id: str) -> Run:
        before = calls.spent(run_id)
        self.runs[run_id] = before
        run = runs.find_run(run_id)
        # Without a limit tonight, the one that the run was given another night does not hold it up either.
        limit = None if run.max_cost_usd is None and self._plan.max_cost is None else before + self._rest()
        self._say(f"run {run_id} goes on, which was halted: {run.reason}")
        return resume_run(run_id, ipm=self._plan.ipm, max_cost_usd=limit)[0]

    def _new(self) -> Run | None:
        limit = self._rest()
        return start_run(
            Selection(most_failures=None if self._plan.retry_failed else MOST_FAILURES),
            ipm=self._plan.ipm or settings().ipm,
            provider=self._plan.provider,
            max_cost_usd=None if limit == math.inf else limit,
        )

    def _lacking(self) -> list[str]:
        """Workers that this machine is to run and does not."""
        return workers.lacking(settings(), self._plan.workers) if self._plan.workers else []

    def _wait(self, run: Run, stack: ExitStack) -> str | None:
        """Wait until a run has ended; why nothing else should be begun, if so."""
        self.runs.setdefault(run.run_id, calls.spent(run.run_id))
        if self._crew is None:
            self._crew = stack.enter_context(workers.at_work(settings(), self._lacking()))
        try:
            ended = self._patiently(run, self._crew)
        except OutOfTimeError as error:
            if not self._crew.ours:
                raise
            self._crew.stays()
            self.crew_stays = True
            raise OutOfTimeError(f"{error}; its workers are left running (bin/stack down stops them)") from None
        if ended.status == "halted" and ended.provider == self._plan.provider:
            return f"run {ended.run_id} is halted: {ended.reason}"
        return None

    def _patiently(self, run: Run, crew: Crew) -> Run:
        """Follow a run; a store that is away for a while is waited for."""
        away_since: float | None = None
        console = Console(stderr=True, force_terminal=None if self._plan.every_s < math.inf else False)
        watch = _Watch(run, self._began + self._plan.within_s, self._lock, self._say)

        def check() -> None:
            nonlocal away_since
            away_since = None
            crew.check()
            watch.look()

        while True:
            try:
                return follow(run, console, check=check, leave=False, every_s=self._plan.every_s).run
            except (*AWAY, DBAPIError, BrokerError) as error:
                if not is_transient(error):
                    raise
                now = time.monotonic()
                away_since = away_since or now
                if now - away_since > _AWAY_S:
                    raise UnfinishedError(f"a store is away for {_AWAY_S / 60:.0f} minutes: {error}") from None
            time.sleep(1)


class _Watch:
    """Looks now and then whether waiting for a run still makes sense."""

    def __init__(self, run: Run, deadline: float, lock: Lock, say: Callable[[str], None]) -> None:
        self._run = run
        self._deadline = deadline
        self._lock = lock
        self._say = say
        self._next = 0.0
        self._finished = -1
        self._since = time.monotonic()

    def look(self) -> None:
        """Raise UnfinishedError when it does not."""
        now = time.monotonic()
        if now >= self._deadline:
            raise OutOfTimeError(f"run {self._run.run_id} is not finished in time; it goes on (bin/monitor)")
        if now < self._next:
            return
        self._next = now + _LOOK_EVERY_S
        if (other := self._lock.keep()) is not None:
            raise UnfinishedError(f"the database was restarted, and {other.name or 'another nightly'} has taken over")
        finished = runs.counts(self._run.run_id).finished
        if finished != self._finished:
            self._finished, self._since = finished, now
        elif now - self._since > max(STALLED_S, _STALLED_INTERVALS * 60 / pace().target_ipm):
            if pace().now().held_s:
                return
            raise UnfinishedError(
                f"run {self._run.run_id}: nothing was finished for {(now - self._since) / 60:.0f} minutes; {_workers()}"
            )


def _workers() -> str:
    served = {queue for queues in health.check()["workers"].values() for queue in queues}
    lacking = [queue for queue in (ADMISSION_QUEUE, STAGES_QUEUE) if queue not in served]
    return f"no worker serves {' or '.join(lacking)}" if lacking else "workers answer (bin/monitor, bin/stack logs)"


def to_stderr(line: str) -> None:
    """Where a night says what is going on."""
    print(line, file=sys.stderr, flush=True)
