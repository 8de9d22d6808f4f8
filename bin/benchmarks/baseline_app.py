"""The bare chain that everything is held against: seven Celery tasks that do nothing, on stock settings.

It imports nothing of the project, whose transport and consumer would change what is stock. `celery -A` runs its
workers; run as a module, it sends chains and prints how many seconds and core-seconds that took:

    python -m bin.benchmarks.baseline_app COUNT [IPM [QUEUE]]
"""

import os
import sys
import time
from functools import cache

from celery import Celery, chain, signals
from redis import Redis

BROKER_VARIABLE = "BENCH_BASELINE_BROKER"
REDIS_VARIABLE = "BENCH_BASELINE_REDIS"
WAIT_VARIABLE = "BENCH_BASELINE_WAIT_S"
STAGES = 7
WAITING = range(2, 6)
"""Tasks that wait, where waiting is asked for: as many as an indicator's calls of an LLM."""
QUEUE = "celery"
HELD = "held"
"""A queue that nobody reads: to be renamed when everything has been sent."""
READY_KEY = "bench:ready"
DONE_KEY = "bench:done"
"""An entry for each chain that has ended: when it was sent and when it ended, in seconds since the epoch."""

app = Celery("baseline", broker=os.environ.get(BROKER_VARIABLE))


@cache
def _redis() -> Redis:
    return Redis.from_url(os.environ[REDIS_VARIABLE])


@app.task(name="baseline.step")  # type: ignore[untyped-decorator]  # Celery has no types
def step(began: float, number: int) -> float:
    """Nothing; the last one notes that the chain has ended, without which nothing could be measured."""
    wait_s = float(os.environ.get(WAIT_VARIABLE) or 0)
    if wait_s and number in WAITING:
        time.sleep(wait_s)
    if number == STAGES:
        _redis().rpush(DONE_KEY, f"{began} {time.time()}")
    return began


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _tell(sender: object, **_: object) -> None:
    _redis().rpush(READY_KEY, str(sender))


def send(count: int, ipm: float, queue: str) -> None:
    """Send so many chains, evenly at so many a minute; 0 is as fast as it goes."""
    began = time.monotonic()
    for number in range(count):
        if ipm:
            time.sleep(max(0.0, began + number * 60 / ipm - time.monotonic()))
        chain(step.s(time.time(), 1), *(step.s(i) for i in range(2, STAGES + 1))).apply_async(queue=queue)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    started, started_cpu = time.monotonic(), time.process_time()
    send(int(given[0]), float(given.get(1, 0)), given.get(2, QUEUE))
    print(time.monotonic() - started, time.process_time() - started_cpu, flush=True)
