"""The gate before every call: limits that are set, limits that are found out, and what the endpoint asks for."""

import time
from collections.abc import Iterator

import pytest

from classify.errors import TransientError
from classify.providers import Call
from config.settings import Settings
from tasks import gate as gate_module
from tasks.clients import redis_client
from tasks.gate import ANSWERED_KEY, REFUSED_KEY, ClusterGate
from tasks.lua import BEARABLE, CLOCK, PLATEAU_S
from tasks.pace import GRANTED_KEY, SLOWED_KEY


@pytest.fixture
def redis(stores: Settings) -> Iterator[None]:
    redis_client().flushall()
    yield
    redis_client().flushall()


pytestmark = pytest.mark.usefixtures("redis")


def _call(tokens: int) -> Call:
    return Call("m", tokens, 0, 0, 0.0, 1.0, "ok" if tokens else "rate-limited")


def _entered(gate: ClusterGate, seconds: float) -> int:
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        gate.enter()
        count += 1
    return count


def _happened(key: str, count: int, seconds_ago: range) -> None:
    """As if `count` calls a second had come to that end."""
    now = redis_client().time()[0]
    redis_client().hset(key, mapping={(now - ago) % 64: f"{now - ago} {count}" for ago in seconds_ago})


def _slowed() -> dict[str, float]:
    return {k: float(v) for k, v in redis_client().hgetall(SLOWED_KEY).items()}


def _age(seconds: float) -> None:
    """Let the last refusal be longer ago."""
    redis_client().hset(SLOWED_KEY, "since_us", f"{_slowed()['since_us'] - seconds * 1e6:.0f}")


def test_without_a_limit_nobody_waits() -> None:
    began = time.monotonic()
    for _ in range(50):
        ClusterGate(redis_client()).enter()
    assert time.monotonic() - began < 1


def test_where_nothing_limits_the_gate_is_asked_now_and_then_and_counts_every_call() -> None:
    gate, watcher = ClusterGate(redis_client()), redis_client()
    before = watcher.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
    count = _entered(gate, 0.6)
    asked = watcher.info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert asked <= 4 < 50 < count
    time.sleep(0.3)
    gate.enter()  # tells of those before it
    granted = sum(int(str(told).split()[1]) for told in watcher.hvals(GRANTED_KEY))
    assert granted == count + 1


def test_the_first_refusal_closes_the_gate_for_its_process_at_once_and_for_others_soon() -> None:
    one, other = ClusterGate(redis_client()), ClusterGate(redis_client())
    one.enter()
    other.enter()
    one.refused(retry_after_s=1.0)
    refused = time.monotonic()
    other.enter()
    assert time.monotonic() - refused < 0.25, "it has not heard of it yet"
    one.enter()
    assert time.monotonic() - refused >= 1.0
    redis_client().flushall()
    other.enter()  # open again
    one.refused(retry_after_s=1.0)
    refused = time.monotonic()
    time.sleep(0.3)
    other.enter()
    assert time.monotonic() - refused >= 1.0


def test_requests_a_minute_are_shared_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = ClusterGate(redis_client(), rpm=1200), ClusterGate(redis_client(), rpm=1200)
    for gate in (one, other):  # half a second's worth at once
        assert _entered(gate, 0.1) >= 1
    passed = _entered(one, 1.0)
    assert passed <= 20 + 10 + 1


def test_tokens_a_minute_are_put_right_by_what_a_call_took() -> None:
    gate = ClusterGate(redis_client(), tpm=600_000)  # 10,000 a second
    charged = gate.enter()
    assert charged == 1500
    gate.leave(charged, _call(21_500))  # two seconds' worth more than charged
    began = time.monotonic()
    gate.enter()
    assert 0.9 < time.monotonic() - began < 4


def test_a_wait_longer_than_a_retry_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "LONGEST_RETRY_S", 0.2)
    gate = ClusterGate(redis_client())
    gate.refused(5)
    with pytest.raises(TransientError) as error:
        gate.enter()
    assert error.value.retry_after == pytest.approx(5, abs=0.5)


def test_retry_after_holds_everybody_and_is_not_shortened() -> None:
    ClusterGate(redis_client()).refused(1.0)
    ClusterGate(redis_client()).refused(0.1)
    began = time.monotonic()
    ClusterGate(redis_client()).enter()
    assert time.monotonic() - began > 0.9


def test_a_refusal_sets_the_rate_to_what_was_answered() -> None:
    _happened(ANSWERED_KEY, 50, range(1, 6))
    gate = ClusterGate(redis_client())
    gate.refused()
    assert _slowed()["refused_rpm"] == pytest.approx(3000)
    for _ in range(20):
        gate.refused()  # calls that were under way already
    assert _slowed()["refused_rpm"] == pytest.approx(3000)
    passed = _entered(gate, 1.0)
    assert passed <= 0.9 * 50 + 25 + 2  # a tenth below, and half a second's worth at once


def test_refusals_that_do_not_depend_on_the_rate_do_not_stop_everything() -> None:
    gate = ClusterGate(redis_client())
    for _ in range(30):  # a fifth is refused whatever the rate
        _happened(ANSWERED_KEY, 40, range(7))
        _happened(REFUSED_KEY, 10, range(7))
        gate.refused()
        _age(3.5)
    assert _slowed()["refused_rpm"] > 3000


def _bearable(seconds_ago: float, refused_rpm: float = 3000) -> float | None:
    script = CLOCK + BEARABLE + "return tostring(bearable_rpm({ARGV[1], clock() - ARGV[2] * 1000000}, clock()))"
    said = str(redis_client().eval(script, 0, refused_rpm, seconds_ago))
    return None if said == "nil" else float(said)


def test_the_rate_stays_near_a_limit_for_a_while_and_then_leaves_it_behind() -> None:
    curve = [_bearable(second) or 0.0 for second in range(0, 31, 3)]
    assert curve == sorted(curve)
    assert curve[0] == pytest.approx(0.9 * 3000)
    assert _bearable(PLATEAU_S) == pytest.approx(3000)
    assert _bearable(2 * PLATEAU_S) == pytest.approx(1.1 * 3000, rel=0.01)  # the clock goes on
    assert curve[-1] > 30 * 3000
    assert _bearable(60) is None
