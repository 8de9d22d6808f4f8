"""Processes killed with SIGKILL in the middle of a run of 1,000 indicators: all classified, none twice."""

import random
import signal
import time

import pytest
from cluster import ADMISSION, AT_THE_GATE, CONCURRENCY, INDICATORS, WORKERS, Cluster
from ledger_of_faults import survived

pytestmark = pytest.mark.faults


def test_a_random_stage_worker_every_ten_seconds(cluster: Cluster) -> None:
    run = cluster.enqueue()
    chance = random.Random(7)
    kills = 0
    next_kill = time.monotonic() + 8
    while cluster.finished(run) < INDICATORS - 100:
        if time.monotonic() >= next_kill:
            victim = chance.choice(WORKERS)
            cluster.signal(signal.SIGKILL, victim)
            cluster.start(victim)
            kills, next_kill = kills + 1, next_kill + 10
        time.sleep(0.1)
    assert kills >= 2
    survived(cluster, run, "kill -9 a random stage worker every 10 s", in_flight=kills * CONCURRENCY)


def test_the_admission_worker(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    cluster.signal(signal.SIGKILL, ADMISSION)
    cluster.start(ADMISSION)
    survived(cluster, run, "kill -9 the admission worker", in_flight=AT_THE_GATE)


def test_everything_but_the_stores(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    cluster.signal(signal.SIGKILL, ADMISSION, *WORKERS)
    time.sleep(3)
    cluster.start(ADMISSION, *WORKERS)
    survived(cluster, run, "kill -9 everything but the stores", in_flight=len(WORKERS) * CONCURRENCY)
