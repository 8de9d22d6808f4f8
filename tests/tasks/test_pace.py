"""The cluster's token bucket, on a real Redis: exact over many clients, no bursts, and a target for everybody."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.settings import Settings
from tasks.clients import redis_client
from tasks.pace import CATCH_UP_S, NEXT_KEY, RECENT_KEY, SLOWED_KEY, Pace


@pytest.fixture
def bucket(stores: Settings) -> Iterator[Pace]:
    redis_client().flushall()
    yield Pace(redis_client(), default_ipm=60_000, max_in_flight=5)
    redis_client().flushall()


def _grants(bucket: Pace, seconds: float) -> list[float]:
    """When tokens were granted to a client that asks as often as it may, for so long."""
    granted, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        wait = bucket.try_admit()
        if wait:
            time.sleep(min(wait, max(0.0, end - time.monotonic())))
        else:
            granted.append(time.monotonic())
    return granted


@given(ipm=st.floats(min_value=300, max_value=30_000), clients=st.integers(min_value=1, max_value=4))
@hypothesis_settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_never_above_the_rate_over_any_window_however_many_clients(bucket: Pace, ipm: float, clients: int) -> None:
    bucket.set_target(ipm)
    redis_client().delete(NEXT_KEY)
    granted: list[float] = []
    threads = [threading.Thread(target=lambda: granted.extend(_grants(bucket, 0.3))) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted.sort()
    for i, first in enumerate(granted):
        for n, last in enumerate(granted[i + 1 :], start=2):
            # A client's clock is read after the grant: what came late is caught up, so a window may seem shorter.
            assert n <= 1 + (last - first + CATCH_UP_S) * ipm / 60
    assert len(granted) <= 2 + (granted[-1] - granted[0] + 0.1) * ipm / 60


def test_exactly_the_rate_in_the_long_run(bucket: Pace) -> None:
    bucket.set_target(12_000)
    granted = _grants(bucket, 1.0)
    # Each grant moves the next by one interval: the count over the time is the rate, whatever the sleeps did.
    assert len(granted) == pytest.approx(200, abs=10)


def test_a_pause_is_not_followed_by_a_burst(bucket: Pace) -> None:
    bucket.set_target(600)
    assert bucket.try_admit() == 0
    long_ago = float(redis_client().get(NEXT_KEY) or 0) - (CATCH_UP_S + 1) * 1e6
    redis_client().set(NEXT_KEY, long_ago)
    assert bucket.try_admit() == 0
    assert bucket.try_admit() > 0


def test_a_short_delay_is_caught_up_and_no_token_is_lost(bucket: Pace) -> None:
    bucket.set_target(600)
    assert bucket.try_admit() == 0
    late = float(redis_client().get(NEXT_KEY) or 0) - 1e6  # one second: ten tokens
    redis_client().set(NEXT_KEY, late)
    caught_up = 0
    while bucket.try_admit() == 0:
        caught_up += 1
    assert caught_up in (9, 10, 11)


@pytest.mark.parametrize("ipm", [0.5, 1, 60])
def test_a_slow_target_waits_its_interval(bucket: Pace, ipm: float) -> None:
    bucket.set_target(ipm)
    assert bucket.try_admit() == 0
    assert bucket.try_admit() == pytest.approx(60 / ipm, abs=0.5)


def test_a_raised_target_does_not_wait_for_the_old_interval(bucket: Pace) -> None:
    bucket.set_target(0.1)
    assert bucket.try_admit() == 0
    assert bucket.try_admit() > 500
    bucket.set_target(60)
    assert bucket.try_admit() <= 1


def test_no_admission_while_too_many_are_in_flight(bucket: Pace) -> None:
    bucket.set_target(60)
    for i in range(5):
        bucket.entered(f"indicator-{i}")
        bucket.entered(f"indicator-{i}")  # twice is once
    assert bucket.now().in_flight == 5
    assert bucket.try_admit() > 0
    redis_client().set(NEXT_KEY, float(redis_client().get(NEXT_KEY) or 0) - 1e6)  # blocked for a second
    assert bucket.try_admit() > 0
    bucket.left("indicator-0")
    bucket.left("indicator-0")  # twice is once here too
    assert bucket.try_admit() == 0
    assert bucket.try_admit() > 0  # and the second is not caught up


def test_the_default_counts_until_a_target_is_set(bucket: Pace) -> None:
    assert bucket.target_ipm == 60_000
    bucket.set_target(12.5)
    assert bucket.target_ipm == 12.5


def test_in_flight_is_worked_out_from_target_and_latency(stores: Settings) -> None:
    redis_client().flushall()
    free = Pace(redis_client(), default_ipm=600)
    assert free.now().max_in_flight == 100  # ten seconds' worth while nothing is known
    for latency, most in ((20, 400), (1000, 600), (0.01, 100)):  # twice the latency, a minute's worth, ten seconds'
        redis_client().set("pace:latency_s", latency)
        assert free.now().max_in_flight == most
    free.set_target(6)
    assert free.now().max_in_flight == 100  # what the higher target let in is still on its way
    redis_client().delete(RECENT_KEY)
    assert free.now().max_in_flight == 20


def test_what_leaves_makes_the_measured_pace_and_latency(bucket: Pace) -> None:
    for i in range(4):
        bucket.entered(f"indicator-{i}")
    time.sleep(0.2)
    for i in range(3):
        bucket.left(f"indicator-{i}", completed=True)
        bucket.left(f"indicator-{i}", completed=True)
    bucket.left("indicator-3")
    assert bucket.now().latency_s == pytest.approx(0.2, abs=0.15)
    time.sleep(1.0)  # the second that is under way does not count yet
    now = bucket.now()
    assert (now.completed_ipm, now.completed_10s_ipm, now.in_flight) == (3, 18, 0)


def test_no_more_is_admitted_than_the_endpoint_bears(bucket: Pace) -> None:
    bucket.set_target(800)
    seconds, microseconds = redis_client().time()
    now_us = seconds * 1_000_000 + microseconds
    redis_client().hset(SLOWED_KEY, mapping={"refused_rpm": 3000, "since_us": now_us - 9_000_000, "hold_until_us": 0})
    assert bucket.now().factor == pytest.approx(3000 / (5 * 800), abs=0.01)
    assert bucket.try_admit() == 0
    assert bucket.try_admit() == pytest.approx(60 / 600, abs=0.03)
    redis_client().hset(SLOWED_KEY, "hold_until_us", now_us + 3_000_000)
    assert bucket.try_admit() == pytest.approx(3, abs=0.3)
    assert bucket.now().held_s == pytest.approx(3, abs=0.3)
