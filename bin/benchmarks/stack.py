"""The whole stack under measurement, beside its baseline: every process by kind, its CPU time, memory, connections.

The kinds are redis, postgres, admission, worker and simulator. The simulator stands in for an endpoint that is
elsewhere in earnest; so it is shown, and left out of sums unless they say otherwise.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from sqlalchemy import QueuePool, text

from bin.benchmarks.baseline import Baseline
from bin.benchmarks.fleet import Fleet, endpoint
from bin.benchmarks.machine import pss_mb
from bin.benchmarks.meter import SIMULATOR, Meter, Usage
from bin.embedded import processes
from classify.errors import UserError
from classify.intake import indicator_from
from classify.samples import generate
from classify.store import engine, facts, runs, sources
from classify.store.runs import Run, Selection
from classify.store.tables import SOURCE_FIELDS, metadata
from config.celery import ADMISSION_QUEUE
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import start_run
from tasks.pace import pace

SERVERS = ("redis", "postgres")
_OUT_OF_REACH_IPM = 60_000.0
_HELD_IPM = 0.001
_STALLED_S = 180.0
"""Flat out, all indicators go through the stages together, and none ends before most are near the end."""
_LOOK_EVERY_S = 0.1
_SETTLE_S = 2.0


class Stack:
    """Redis, PostgreSQL, workers and simulator of a measurement, and the baseline's workers.

    Parameters
    ----------
    settings
        Where the stores are.
    fleet
        The project's workers.
    baseline
        The stock ones.
    """

    def __init__(self, settings: Settings, fleet: Fleet, baseline: Baseline) -> None:
        self._settings = settings
        self.fleet = fleet
        self.baseline = baseline

    def start(self, workers: int, concurrency: int) -> None:
        """One admission worker and so many of the stages; as many stock ones. They are ready when this returns."""
        self.fleet.start("admission")
        for _ in range(workers):
            self.fleet.start("worker", concurrency)
        self.baseline.start(workers, concurrency)
        self.fleet.await_ready()
        self.baseline.await_ready()

    def stop(self, workers: int) -> None:
        """Stop so many stage workers, and as many stock ones."""
        for name in [name for name in self.fleet.families() if name.startswith("worker")][:workers]:
            self.fleet.stop(name)
        self.baseline.stop(workers)

    def kinds(self) -> dict[str, list[psutil.Process]]:
        """Kind → the processes of the stack that live now."""
        found = {name: self._server(name) for name in SERVERS}
        for name, family in self.fleet.families().items():
            found.setdefault(name.rstrip("0123456789"), []).extend(family)
        return {**found, SIMULATOR: self.fleet.llm.process.family()}

    def baseline_kinds(self) -> dict[str, list[psutil.Process]]:
        """The same of the baseline."""
        return {
            "redis": self._server("redis"),
            "worker": [process for family in self.baseline.families() for process in family],
        }

    def _server(self, name: str) -> list[psutil.Process]:
        found = processes.find(self._settings, name)
        if found is None:
            raise UserError(f"{name} has ended in the middle of a measurement")
        root = psutil.Process(found.pid)
        return [root, *root.children(recursive=True)]

    def memory_mb(self) -> dict[str, float]:
        """Kind → PSS in MB; empty where the system does not tell."""
        weights = {kind: pss_mb(family) for kind, family in self.kinds().items()}
        return {kind: weight for kind, weight in weights.items() if weight is not None}

    def worker_mb(self) -> float:
        """PSS in MB of the heaviest worker, its guardian included; 0 where the system does not tell."""
        return _heaviest_mb(self.fleet.families().values())

    def baseline_worker_mb(self) -> float:
        """The same of the stock workers, which have no guardian."""
        return _heaviest_mb(self.baseline.families())

    def database_connections(self) -> int:
        """Clients that PostgreSQL has now, without the benchmark itself."""
        statement = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        with engine().connect() as connection:
            found = int(connection.scalar(statement) or 0)
            pool = engine().pool
            assert isinstance(pool, QueuePool)
            return found - pool.checkedout() - pool.checkedin()

    def held_run(self, count: int) -> Run:
        """A run of so many indicators, all sent off, none let in until `release`."""
        return run_of(count, _HELD_IPM)

    def release(self, ipm: float) -> float:
        """Let a held run go at a pace; the moment, in seconds since the epoch."""
        moment = time.time()
        pace().set_target(ipm)
        return moment

    def flat_out(self, count: int) -> tuple[Run, float, Usage]:
        """A run of so many indicators, all sent off before they are let go at a pace that nothing reaches.

        Returns
        -------
        tuple
            The run as it ended; indicators a minute until the last was done; what that used.
        """
        batch = self.held_run(count)
        meter = Meter(self.kinds)
        began = self.release(_OUT_OF_REACH_IPM)
        batch = await_end(batch)
        usage = meter.usage()
        return batch, 60 * count / (_last_finish(batch) - began), usage

    def bare_flat_out(self, count: int) -> tuple[float, Usage]:
        """The same with bare chains: chains a minute, and what they used."""
        self.baseline.send(count)
        meter = Meter(self.baseline_kinds)
        began = self.baseline.release()
        self.baseline.await_done(count)
        usage = meter.usage()
        return 60 * count / (max(ended for _, ended in self.baseline.times()) - began), usage

    def give_up(self, batch: Run) -> None:
        """Halt a run, and forget what of it was not let in."""
        runs.halt(batch.run_id, "the benchmark is done with it")
        redis_client().delete(ADMISSION_QUEUE)
        time.sleep(_SETTLE_S)


def _heaviest_mb(families: Iterable[list[psutil.Process]]) -> float:
    return max((weight for family in families if (weight := pss_mb(family))), default=0.0)


@contextmanager
def stack(settings: Settings, indicators: int, *options: str, wait_s: float = 0) -> Iterator[Stack]:
    """A stack without workers yet, over stores that are emptied first; gone at the end.

    Parameters
    ----------
    indicators
        How many are loaded.
    options
        Of `bin/simulate-llm`.
    wait_s
        See `Baseline`.
    """
    clean()
    sources.load(indicator_from(record)[0] for record in generate(indicators))
    with ExitStack() as open_:
        llm, folder = open_.enter_context(endpoint("--answers", "rules", *options))
        baseline = open_.enter_context(Baseline(settings, Path(folder), wait_s=wait_s))
        fleet = open_.enter_context(Fleet(settings, llm, folder))
        yield Stack(settings, fleet, baseline)


def clean() -> None:
    """Everything out of both stores."""
    with engine().connect() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    redis_client().flushall()


def multiply_sources(count: int) -> None:
    """Copies of what is loaded, after it and without its values, until there are so many: to wait, not to be done."""
    copied = ", ".join(field for field in SOURCE_FIELDS if field != "sample_values")
    statement = text(f"""
        INSERT INTO source_indicators (id, {copied}, sample_values, fingerprint)
        SELECT id || ' ' || copy, {copied}, '[]', fingerprint
        FROM generate_series(1, :copies) AS copy, source_indicators ORDER BY copy, position LIMIT :missing
    """)
    loaded = sources.count()
    with engine().connect() as connection:
        connection.execute(statement, {"copies": count // max(loaded, 1) + 1, "missing": max(0, count - loaded)})


def run_of(count: int, ipm: float) -> Run:
    """A run of so many indicators at a pace, which asks the simulated endpoint."""
    batch = start_run(Selection(force=True, limit=count), ipm=ipm, provider="openai")
    if batch is None or batch.total != count:
        raise UserError(f"there are not {count} indicators to make a run of")
    return batch


def await_end(batch: Run) -> Run:
    """Wait until a run has ended, every indicator done.

    Raises
    ------
    UserError
        When indicators fail, or nothing gets done for long: figures would not be those of the same work.
    """
    finished, since = -1, time.monotonic()
    while (counts := runs.counts(batch.run_id)).finished < batch.total:
        if counts.finished > finished:
            finished, since = counts.finished, time.monotonic()
        elif time.monotonic() - since > _STALLED_S:
            runs.halt(batch.run_id, "the benchmark gave up waiting")
            raise UserError(f"the run stands still at {finished} of {batch.total} indicators")
        time.sleep(_LOOK_EVERY_S)
    runs.close_finished_runs()
    batch = runs.find_run(batch.run_id)
    if counts.failed:
        failures = facts.report(batch)["failures"]
        raise UserError(f"{counts.failed} of {batch.total} indicators failed, for example: {failures[0]['message']}")
    return batch


def _last_finish(batch: Run) -> float:
    """When the last indicator of a run was done, in seconds since the epoch."""
    statement = text("SELECT extract(epoch FROM max(finished_at))::float FROM run_indicators WHERE run_id = :run_id")
    with engine().connect() as connection:
        return float(connection.scalar(statement, {"run_id": batch.run_id}) or 0)
