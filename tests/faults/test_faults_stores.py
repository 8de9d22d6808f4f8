"""Stores that are killed, emptied or out of reach in the middle of a run of 1,000 indicators: nothing is lost."""

import os
import re
import signal
import time

import psutil
import pytest
from cluster import ADMISSION, AT_THE_GATE, CONCURRENCY, WORKERS, Cluster, patiently
from ledger_of_faults import survived

from bin.embedded import ensure_stores, places, postgres, processes, redis
from classify.store import engine
from tasks.clients import redis_client

pytestmark = pytest.mark.faults

RUNNING = len(WORKERS) * CONCURRENCY + AT_THE_GATE


def _pid(cluster: Cluster, name: str) -> int:
    process = processes.find(cluster.settings, name)
    assert process is not None
    return process.pid


def _restart(cluster: Cluster, name: str, number: signal.Signals) -> None:
    process = processes.find(cluster.settings, name)
    assert process is not None
    os.kill(process.pid, number)
    assert processes.wait(process, 20)
    time.sleep(2)
    ensure_stores(cluster.settings)


def _complaints(cluster: Cluster) -> int:
    """Entries in the logs of workers that somebody would have to read."""
    entry = re.compile(r"^\S+ (?:WARNING|ERROR|CRITICAL) ", re.M)
    logs = (places.log_file(cluster.settings, name) for name in (ADMISSION, *WORKERS))
    return sum(len(entry.findall(log.read_text(errors="replace"))) for log in logs)


def test_redis_restarted(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    before = _complaints(cluster)
    _restart(cluster, redis.NAME, signal.SIGKILL)
    # The last second before the kill is not in the file: what was taken in it is delivered twice.
    survived(cluster, run, "Redis killed (kill -9, AOF) and started", in_flight=RUNNING)
    assert _complaints(cluster) - before < 100


def test_redis_emptied(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    redis_client().flushall()
    survived(cluster, run, "Redis emptied (FLUSHALL)", in_flight=RUNNING)


def test_postgres_restarted(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    before = _complaints(cluster)
    _restart(cluster, postgres.NAME, signal.SIGQUIT)  # immediate: no time for anybody to end
    engine().dispose()
    survived(cluster, run, "PostgreSQL restarted (immediate)", in_flight=RUNNING)
    assert _complaints(cluster) - before < 1000


def test_postgres_out_of_reach(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    socket = postgres.socket_file(cluster.settings)
    away = socket.with_suffix(".away")
    socket.rename(away)
    try:
        for backend in psutil.Process(_pid(cluster, postgres.NAME)).children(recursive=True):
            if "idle" in " ".join(backend.cmdline()) or "classify" in " ".join(backend.cmdline()):
                backend.terminate()
        time.sleep(30)
    finally:
        away.rename(socket)
    patiently(lambda: engine().connect().close())
    survived(cluster, run, "PostgreSQL out of reach for 30 s", in_flight=RUNNING, away_s=30)
