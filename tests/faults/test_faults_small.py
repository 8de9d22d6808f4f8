"""The faults that every run of the suite goes through, on a few indicators and with a short visibility timeout."""

import signal
import time
from collections.abc import Iterator

import deadly_provider
import pytest
from cluster import ADMISSION, Cluster, patiently
from sqlalchemy import text

from bin.embedded import processes
from classify.indicator import Indicator
from classify.store import engine, facts, runs, sources
from classify.store.runs import Run, Selection
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import send
from tasks.pace import pace

COUNT = 40
OPTIONS = ["--include", "tests.faults.deadly_provider"]


class _NoSimulator:
    url = ""


@pytest.fixture
def small(clean_tables: Settings) -> Iterator[Cluster]:
    cluster = Cluster(clean_tables, _NoSimulator())  # type: ignore[arg-type]
    cluster.environment = {"VISIBILITY_TIMEOUT": "4", "LOG_LEVEL": "WARNING", "MAX_CRASHES": "2"}
    try:
        cluster.start(ADMISSION, "worker1", options=OPTIONS, supervised=True)
        yield cluster
    finally:
        cluster.stop()


def _start_run(*planted: str) -> Run:
    names = [*planted, *(f"I{n}" for n in range(COUNT - len(planted)))]
    sources.load(Indicator(id=i, name="Gross domestic product", units="USD billions") for i in names)
    run = runs.open_run(Selection(), target_ipm=1200, provider="deadly", model="deadly")
    assert run is not None
    pace().set_target(run.target_ipm)
    send(run)
    return run


def _wait(run: Run, count: int = COUNT, timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while (now := patiently(lambda: runs.counts(run.run_id))).finished < count:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def test_poison_fails_alone_and_its_neighbours_do_not(small: Cluster) -> None:
    assert deadly_provider.DeadlyProvider.name == "deadly"
    run = _start_run(deadly_provider.KILLS)
    _wait(run)
    assert runs.counts(run.run_id).done == COUNT - 1
    with engine().connect() as connection:
        row = connection.execute(text("SELECT indicator_id, stage, error_class, message FROM failed_indicators")).one()
    assert tuple(row[:3]) == (deadly_provider.KILLS, "family", "PoisonError")
    assert "SIGKILL" in row[3]
    supervisor = processes.find(small.settings, "worker1")
    assert supervisor is not None
    small.signal(signal.SIGTERM, "worker1")
    assert processes.wait(supervisor, 10)


def test_an_emptied_redis_and_a_killed_worker(small: Cluster) -> None:
    run = _start_run()
    _wait(run, 5)
    redis_client().flushall()
    small.kill_supervised("worker1")
    _wait(run)
    runs.close_finished_runs()
    assert facts.verify(run.run_id).ok
