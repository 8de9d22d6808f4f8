"""A queue of 100,000 and 10,000 dead leases: what looking through them takes, and what others of Redis notice."""

import json
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import Settings
from tasks.chain import dispatch
from tasks.clients import redis_client
from tasks.leases import INDEX, UNACKED, Leases
from tasks.presence import owners
from tasks.stages import app
from tasks.ticket import Ticket

pytestmark = pytest.mark.faults

COUNT = 100_000
LEASED = 10_000
"""In hand at once: of 100 workers with 100 tasks each."""
RUN = "20261121-054512-3f9a"
LONGEST_PAUSE_S = 0.25
"""For which Redis may keep others waiting: shorter than what a lease, or a person, would notice."""


class _Pings:
    """How long Redis takes to answer somebody else, meanwhile."""

    def __enter__(self) -> "_Pings":
        self.longest_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ping)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ping(self) -> None:
        while not self._ended.wait(0.01):
            began = time.monotonic()
            redis_client().ping()
            self.longest_s = max(self.longest_s, time.monotonic() - began)


@pytest.fixture
def message(clean_tables: Settings) -> Iterator[str]:
    """A message as it lies in the queue, of the indicator `PLANTED`."""
    app.loader.import_default_modules()
    dispatch([Ticket(RUN, "PLANTED", "rules")])
    [found] = redis_client().lrange(ADMISSION_QUEUE, 0, -1)
    redis_client().delete(ADMISSION_QUEUE)
    yield str(found)
    redis_client().flushall()


def _slowest_ms() -> float:
    """What Redis itself has taken for its longest command."""
    return max((entry["duration"] for entry in redis_client().slowlog_get(1000)), default=0) / 1000


def test_looking_for_who_is_lost(message: str) -> None:
    for start in range(0, COUNT, 1000):
        copies = [message.replace("PLANTED", f"I{n}") for n in range(start, start + 1000)]
        redis_client().lpush(ADMISSION_QUEUE, *copies)
    redis_client().slowlog_reset()
    with _Pings() as pings:
        began = time.monotonic()
        found = owners(redis_client())
        took = time.monotonic() - began
    print(
        f"\n{COUNT:,} messages of {len(message):,} bytes read in {took:.1f} s; slowest command {_slowest_ms():.0f} ms"
    )
    print(f"another client waited {1000 * pings.longest_s:.0f} ms at the most")
    assert found == {(RUN, f"I{n}") for n in range(COUNT)}
    assert pings.longest_s < LONGEST_PAUSE_S or _slowest_ms() < 1000 * LONGEST_PAUSE_S


def test_taking_back_what_dead_workers_had(message: str) -> None:
    raw = json.loads(message)
    seconds, _ = redis_client().time()
    for _ in range(0, LEASED, 1000):
        entries = {str(uuid.uuid4()): json.dumps([raw, "", STAGES_QUEUE]) for _ in range(1000)}
        redis_client().hset(UNACKED, mapping=entries)
        redis_client().zadd(INDEX, dict.fromkeys(entries, seconds - 1000))
    leases = Leases(redis_client(), 60)
    leases._since = -1e9
    redis_client().slowlog_reset()
    with _Pings() as pings:
        began = time.monotonic()
        assert sum(iter(leases.restore_expired, 0)) == LEASED
        took = time.monotonic() - began
    print(f"\n{LEASED:,} leases taken back in {took:.1f} s; slowest command {_slowest_ms():.0f} ms")
    print(f"another client waited {1000 * pings.longest_s:.0f} ms at the most")
    assert redis_client().llen(STAGES_QUEUE) == LEASED
    assert not redis_client().exists(UNACKED, INDEX)
    assert pings.longest_s < LONGEST_PAUSE_S or _slowest_ms() < 1000 * LONGEST_PAUSE_S
