"""The faults that every run of the suite goes through, on a few indicators and with a short visibility timeout."""

import signal
import time
from collections.abc import Iterator

import pytest
from cluster import ADMISSION, Cluster, no_simulator, patiently
from deadly_provider import ABORTED, KILLED, MEMORY, SEGFAULT
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


@pytest.fixture
def small(clean_tables: Settings) -> Iterator[Cluster]:
    cluster = Cluster(clean_tables, no_simulator)
    cluster.environment = {"VISIBILITY_TIMEOUT": "4", "LOG_LEVEL": "WARNING", "MAX_CRASHES": "2"}
    try:
        cluster.start(ADMISSION, "worker1", options=OPTIONS, supervised=True)
        yield cluster
    finally:
        cluster.stop()


def _start_run(*planted: str, count: int = COUNT) -> Run:
    names = [*planted, *(f"I{n}" for n in range(count - len(planted)))]
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


def _poisoned() -> dict[str, tuple[str, str, str]]:
    """What failed: indicator → stage, error class, message."""
    with engine().connect() as connection:
        rows = connection.execute(text("SELECT indicator_id, stage, error_class, message FROM failed_indicators"))
        return {row[0]: tuple(row[1:]) for row in rows}


def test_poison_fails_alone_and_its_neighbours_do_not(small: Cluster) -> None:
    planted = {KILLED: "SIGKILL", ABORTED: "SIGABRT", SEGFAULT: "SIGSEGV", MEMORY: "MemoryError"}
    run = _start_run(*planted)
    _wait(run, timeout_s=60)
    assert runs.counts(run.run_id).done == COUNT - len(planted)
    failed = _poisoned()
    assert failed.keys() == planted.keys()
    assert {stage for stage, _, _ in failed.values()} == {"family"}
    assert {planted[i] in message for i, (_, _, message) in failed.items()} == {True}
    assert {failed[i][1] for i in planted if i != MEMORY} == {"PoisonError"}
    supervisor = processes.find(small.settings, "worker1")
    assert supervisor is not None
    small.signal(signal.SIGTERM, "worker1")
    assert processes.wait(supervisor, 10)


@pytest.mark.faults
def test_poison_in_a_pool_of_processes(small: Cluster) -> None:
    small.signal(signal.SIGTERM, "worker1")
    small.start("worker2", options=[*OPTIONS, "--pool", "prefork", "--concurrency", "4"], supervised=True)
    planted = {KILLED: "SIGKILL", SEGFAULT: "SIGSEGV"}
    run = _start_run(*planted, count=12)
    _wait(run, 12, timeout_s=60)
    assert runs.counts(run.run_id).done == 10
    failed = _poisoned()
    assert {i: failed[i][1] for i in failed} == dict.fromkeys(planted, "PoisonError")
    assert all(planted[i] in message for i, (_, _, message) in failed.items())
    worker = processes.find(small.settings, "worker2")
    assert worker is not None
    small.signal(signal.SIGTERM, "worker2")
    assert processes.wait(worker, 10)


def test_an_emptied_redis_and_a_killed_worker(small: Cluster) -> None:
    run = _start_run()
    _wait(run, 5)
    redis_client().flushall()
    small.kill_supervised("worker1")
    _wait(run)
    runs.close_finished_runs()
    assert facts.verify(run.run_id).ok
