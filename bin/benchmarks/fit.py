"""Measures the service times of this machine: real workers over stores of their own, and the CPU that each part used.

Chains are sent off before there is a stage worker. The queue is first in, first out; so one worker then has all of
a stage's tasks before the first of the next, and what it, Redis and PostgreSQL used between a stage's rows is that
stage's.
"""

import os
import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import psutil
from sqlalchemy import text

from bin.benchmarks import operations
from bin.benchmarks.fleet import Fleet, endpoint
from bin.benchmarks.machine import cpu_s
from bin.benchmarks.service_times import DatabaseTimes, LLMTimes, Measured, RedisTimes, ServiceTimes, StageTimes
from bin.benchmarks.simulated import SimulatedLLM
from bin.benchmarks.surroundings import Ticks, machine
from bin.embedded import postgres, processes, redis
from classify.errors import UserError
from classify.intake import indicator_from
from classify.samples import generate
from classify.stages import QUESTIONS, STAGES
from classify.store import engine, facts, runs, sources
from classify.store.runs import Run, Selection
from config.celery import STAGES_QUEUE
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import start_run
from tasks.pace import pace

_CHAINS = 800
_IDLE_FOR_S = 5.0
_NO_PACE = 1e6
_GIVE_UP_AFTER_S = 180.0
_SAMPLE_EVERY_S = 0.05
_RUNS: tuple[tuple[float, float, float], ...] = ((800, 1.0, 75), (6000, 0.0, 20))
"""Real runs to hold the model against: target, latency of the endpoint, seconds' worth of indicators."""
_WORKERS, _CONCURRENCY = 2, 100
GROUPS = ("admission", "worker", "redis", "database", "simulator")
"""The parts whose processor time is told apart."""

EVERYTHING = "everything"
"""The whole machine's, under measurement or not."""

Family = Callable[[], Sequence[psutil.Process]]
"""Gives the processes of a part that live now."""


class Sampler:
    """The processor time of groups of processes, sampled from a thread of its own while the context lasts.

    Parameters
    ----------
    groups
        Name → gives the processes that live now.
    """

    def __init__(self, groups: dict[str, Family]) -> None:
        self._groups = groups
        self._at: list[float] = []
        self._used: dict[str, list[float]] = {name: [] for name in (*groups, EVERYTHING)}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sampler":
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._ended.wait(_SAMPLE_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        used = {name: cpu_s(processes()) for name, processes in self._groups.items()}
        ticks = Ticks.now()
        used[EVERYTHING] = ticks.total - ticks.idle
        self._at.append(time.time())
        for name, value in used.items():
            self._used[name].append(value)

    def used_s(self, name: str, since: float, until: float) -> float:
        """Core-seconds of a group, or of `EVERYTHING`, between two moments, in seconds since the epoch."""
        return self._up_to(name, until) - self._up_to(name, since)

    def _up_to(self, name: str, moment: float) -> float:
        after = min(max(1, bisect_left(self._at, moment)), len(self._at) - 1)
        (t0, t1), (u0, u1) = self._at[after - 1 : after + 1], self._used[name][after - 1 : after + 1]
        return u0 + (u1 - u0) * min(1.0, max(0.0, (moment - t0) / (t1 - t0)))


def fit(settings: Settings, command: str, say: Callable[[str], None]) -> ServiceTimes:
    """Measure everything, in about three minutes.

    Parameters
    ----------
    settings
        Where stores are that are ready, empty, and may be filled.
    command
        To be kept with the figures.
    say
        Told what is going on.

    Raises
    ------
    UserError
        When a worker does not start, or nothing is finished in time.
    """
    sources.load(indicator_from(record)[0] for record in islice(generate(3000), 3000))
    _sql("ALTER SYSTEM SET track_wal_io_timing = on")
    _sql("SELECT pg_reload_conf()")
    say("the first stage, and then the others")
    stages, llm, wal_bytes, idle_s = _stages(settings)
    say("operations of Redis and PostgreSQL")
    redis_times = operations.redis_times()
    fixed_share = operations.fixed_share_of_a_write()
    bytes_per_s = operations.disk_bytes_per_s(settings.data_dir)
    measured = []
    for ipm, latency_s, seconds in _RUNS:
        say(f"{seconds:g} s at {ipm:g} IPM, endpoint with {latency_s:g} s latency")
        measured.append(_run(settings, ipm, latency_s, seconds))
    flush_s = _sql("SELECT sum(fsync_time) / 1000 / nullif(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'")
    return ServiceTimes(
        command=command,
        measured_at=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        machine=machine(),
        stages={name: _messages_alone(name, stage, redis_times) for name, stage in stages.items()},
        redis=redis_times,
        database=DatabaseTimes(float(flush_s or 0), wal_bytes, bytes_per_s, fixed_share),
        llm=llm,
        idle_s=idle_s,
        runs=measured,
    )


def _messages_alone(name: str, stage: StageTimes, redis: RedisTimes) -> StageTimes:
    """The same stage without what it has Redis do beside its messages, which is counted apart."""
    beside = {STAGES[0].name: redis.ask_s + redis.entered_s, STAGES[-1].name: redis.left_s}.get(name, 0.0)
    return replace(stage, redis_s=max(0.0, stage.redis_s - beside))


def _sql(statement: str, **values: Any) -> Any:
    """The one value that a statement gives, if it gives any."""
    with engine().connect() as connection:
        result = connection.execute(text(statement), values)
        return result.scalar() if result.returns_rows else None


def _await(over: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _GIVE_UP_AFTER_S
    while not over():
        if time.monotonic() > deadline:
            raise UserError(f"{what} did not come to an end in {_GIVE_UP_AFTER_S:g} s")
        time.sleep(0.1)


def _started(indicators: int, ipm: float) -> Run:
    batch = start_run(Selection(force=True, limit=indicators), ipm=ipm, provider="openai")
    assert batch is not None
    return batch


def _is_over(batch: Run) -> bool:
    runs.close_finished_runs()
    return runs.find_run(batch.run_id).status != "running"


def _server(settings: Settings, name: str) -> Family:
    found = processes.find(settings, name)
    assert found is not None
    root = psutil.Process(found.pid)
    return lambda: [root, *root.children(recursive=True)]


def _groups(settings: Settings, fleet: Fleet, server: SimulatedLLM) -> dict[str, Family]:
    """Whom a `Sampler` is to watch, under the names of `GROUPS`."""

    def those(kind: str) -> list[psutil.Process]:
        return [one for name, family in fleet.families().items() if name.startswith(kind) for one in family]

    found: tuple[Family, ...] = (
        lambda: those("admission"),
        lambda: those("worker"),
        _server(settings, redis.NAME),
        _server(settings, postgres.NAME),
        server.process.family,
    )
    return dict(zip(GROUPS, found, strict=True))


def _stages(settings: Settings) -> tuple[dict[str, StageTimes], LLMTimes, float, float]:
    """Times of the stages, of the LLM's calls, bytes of the log a written row, and what an idle worker uses."""
    redis_client().flushall()
    with ExitStack() as stack:
        server, folder = stack.enter_context(endpoint("--latency", "0", "--answers", "rules"))
        fleet = stack.enter_context(Fleet(settings, server, folder))
        fleet.start("admission")
        fleet.await_ready()
        began = _sql("SELECT pg_current_wal_insert_lsn()")
        with Sampler(_groups(settings, fleet, server)) as first:
            batch = _started(_CHAINS, _NO_PACE)
            _await(lambda: redis_client().llen(STAGES_QUEUE) == _CHAINS, "admission")
        fleet.start("worker", 20)
        with Sampler(_groups(settings, fleet, server)) as sampler:
            _await(lambda: _is_over(batch), "the run")
            written = float(_sql("SELECT pg_current_wal_insert_lsn() - CAST(:began AS pg_lsn)", began=began))
            until = time.time()
            time.sleep(_IDLE_FOR_S + 1)
        idle_s = sampler.used_s("worker", until + 1, until + 1 + _IDLE_FOR_S) / _IDLE_FOR_S
        return (
            {
                STAGES[0].name: _stage(first, "admission", batch, STAGES[0].name),
                **_later_stages(sampler, batch),
            },
            _llm(sampler, batch),
            written / _CHAINS / (len(STAGES) + 1),
            idle_s,
        )


def _stage(sampler: Sampler, who: str, batch: Run, name: str) -> StageTimes:
    """Of the middle four fifths of a stage's rows: the stage, and all that went on along with it."""
    table = next((q.table for q in QUESTIONS if q.name == name), "classifications")
    share = "percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM created_at)::float)"
    ((since, until),) = _row(f"SELECT {share} FROM {table} WHERE run_id = :run_id", batch)
    rows = 0.8 * batch.total
    return StageTimes(
        worker_s=sampler.used_s(who, since, until) / rows,
        redis_s=sampler.used_s("redis", since, until) / rows,
        database_s=sampler.used_s("database", since, until) / rows,
        llm_calls=_calls(batch, name),
    )


def _later_stages(sampler: Sampler, batch: Run) -> dict[str, StageTimes]:
    """All stages after the first, which a chain goes through in one go, mixed with those of other chains.

    What a chain takes is measured as a whole and divided: a stage that asks gets twice what one gets that does not, as
    runs with the rules and with an LLM compare (`bin/loadtest`).
    """
    whole = _stage(sampler, "worker", batch, STAGES[-1].name)
    calls = {stage.name: _calls(batch, stage.name) for stage in STAGES[1:]}
    parts = sum(1 + asked for asked in calls.values())
    return {
        name: StageTimes(
            worker_s=whole.worker_s * (1 + asked) / parts,
            redis_s=whole.redis_s * (1 + asked) / parts,
            database_s=whole.database_s * (1 + asked) / parts,
            llm_calls=asked,
        )
        for name, asked in calls.items()
    }


def _calls(batch: Run, stage: str) -> float:
    """Calls of the LLM an indicator."""
    statement = "SELECT count(*) FROM llm_calls WHERE run_id = :run_id AND stage = :stage"
    return float(_sql(statement, run_id=batch.run_id, stage=stage)) / batch.total


def _llm(sampler: Sampler, batch: Run) -> LLMTimes:
    calls, tokens, since, until = _row(
        """
        SELECT count(*), avg(prompt_tokens + completion_tokens)::float,
            min(extract(epoch FROM created_at))::float, max(extract(epoch FROM created_at))::float
        FROM llm_calls WHERE run_id = :run_id
        """,
        batch,
    )
    return LLMTimes(sampler.used_s("simulator", since, until) / calls, tokens)


def _row(statement: str, batch: Run) -> Any:
    with engine().connect() as connection:
        return connection.execute(text(statement), {"run_id": batch.run_id}).one()


def _run(settings: Settings, ipm: float, latency_s: float, seconds: float) -> Measured:
    """A real run, observed from when a tenth of it was done until nine tenths were."""
    redis_client().flushall()
    with ExitStack() as stack:
        server, folder = stack.enter_context(endpoint("--latency", str(latency_s), "--answers", "rules"))
        fleet = stack.enter_context(Fleet(settings, server, folder))
        fleet.start("admission")
        for _ in range(_WORKERS):
            fleet.start("worker", _CONCURRENCY)
        fleet.await_ready()
        in_flight: list[tuple[float, int]] = []

        def over() -> bool:
            in_flight.append((time.time(), pace().now().in_flight))
            return _is_over(batch)

        with Sampler(_groups(settings, fleet, server)) as sampler:
            batch = _started(round(ipm * seconds / 60), ipm)
            _await(over, "the run")
    times = "extract(epoch FROM finished_at)::float"
    (since, until), p50, p99 = _row(
        f"""
        SELECT percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY {times}),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - admitted_at)::float),
            percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - admitted_at)::float)
        FROM run_indicators WHERE run_id = :run_id AND status = 'done'
        """,
        batch,
    )
    cpus = os.cpu_count() or 1
    used = {name: sampler.used_s(name, since, until) / (until - since) for name in (*GROUPS, EVERYTHING)}
    share = sum(used[name] for name in GROUPS) / cpus
    return Measured(
        target_ipm=ipm,
        indicators=batch.total,
        workers=_WORKERS,
        concurrency=_CONCURRENCY,
        latency_s=latency_s,
        latency_sigma=0.3,
        completed_ipm=facts.report(runs.find_run(batch.run_id))["completed_ipm"],
        in_flight=statistics.fmean(count for at, count in in_flight if since <= at <= until),
        p50_s=p50,
        p99_s=p99,
        admission=used["admission"],
        worker=used["worker"] / _WORKERS,
        redis=used["redis"],
        database=used["database"],
        machine=share,
        others=max(0.0, used[EVERYTHING] / cpus - share),
    )
