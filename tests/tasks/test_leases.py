"""Leases on a real Redis: renewed while held, taken back when not, written again when Redis has forgotten."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery._state import _task_stack

from classify.indicator import Indicator
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import Settings
from tasks.celery import app
from tasks.clients import redis_client
from tasks.leases import INDEX, UNACKED, Leases
from tasks.messages import CRASHES_HEADER, owner_in, owner_of, root_of
from tasks.pace import pace

TIMEOUT_S = 60


@pytest.fixture
def leases(clean_tables: Settings) -> Iterator[Leases]:
    found = Leases(redis_client(), TIMEOUT_S)
    found._since = -1e9  # as if in touch with Redis for long
    yield found
    redis_client().flushall()


def _raw(root: str = "run/GDP", queue: str = STAGES_QUEUE) -> dict[str, Any]:
    delivery = {"exchange": "", "routing_key": queue}
    headers = {"task": "tasks.time", "id": str(uuid.uuid4()), "root_id": root}
    return {"body": "W10=", "headers": headers, "properties": {"delivery_info": delivery, "delivery_tag": "t"}}


def _take(leases: Leases, tag: str, root: str = "run/GDP", queue: str = STAGES_QUEUE) -> None:
    leases.take(tag, _raw(root, queue), "", queue)


def _age(tag: str, seconds: float) -> None:
    redis_client().zincrby(INDEX, -seconds, tag)


def _queued(queue: str = STAGES_QUEUE) -> list[dict[str, Any]]:
    """What lies in a queue, the next to be taken first."""
    return [json.loads(m) for m in reversed(redis_client().lrange(queue, 0, -1))]


def _roots(queue: str = STAGES_QUEUE) -> list[str]:
    return [m["headers"]["root_id"] for m in _queued(queue)]


def test_entries_are_those_of_kombu(leases: Leases) -> None:
    _take(leases, "a")
    raw, exchange, routing_key = json.loads(redis_client().hget(UNACKED, "a") or "")
    assert (raw["headers"]["task"], exchange, routing_key) == ("tasks.time", "", STAGES_QUEUE)
    seconds, _ = redis_client().time()
    assert redis_client().zscore(INDEX, "a") == pytest.approx(seconds, abs=2)
    leases.acknowledge("a")
    assert not redis_client().exists(UNACKED, INDEX)


def test_what_follows_takes_the_place_of_the_message_in_hand(leases: Leases) -> None:
    _take(leases, "a")
    leases.hand_on("a", STAGES_QUEUE, json.dumps(_raw("run/next")))
    assert not redis_client().exists(UNACKED, INDEX)
    assert _roots() == ["run/next"]
    _take(Leases(redis_client(), TIMEOUT_S), "a")  # handed back by somebody, and taken by another
    leases.acknowledge("a")
    assert redis_client().hkeys(UNACKED) == ["a"], "the other's lease is none of ours"


def test_a_lease_that_is_renewed_never_expires(leases: Leases) -> None:
    _take(leases, "a")
    _age("a", TIMEOUT_S + 1)
    leases.renew()
    assert leases.restore_expired() == 0
    assert not _queued()


def test_expired_leases_go_to_the_front_the_oldest_first(leases: Leases) -> None:
    redis_client().lpush(STAGES_QUEUE, json.dumps(_raw("run/waiting")))
    for number in range(30):
        _take(leases, f"t{number}", f"run/{number}")
        _age(f"t{number}", TIMEOUT_S + 100 - number)
    other = Leases(redis_client(), TIMEOUT_S)
    other._since = -1e9
    assert other.restore_expired() == 30
    assert _roots() == [*(f"run/{n}" for n in range(30)), "run/waiting"]
    first = _queued()[0]["headers"]
    assert first["redelivered"]
    assert first[CRASHES_HEADER] == 1
    assert not redis_client().exists(UNACKED, INDEX)
    assert leases.restore_expired() == 0, "two at once restore it twice"


def test_crashes_add_up(leases: Leases) -> None:
    for expected in (1, 2, 3):
        raw = _queued()[0] if expected > 1 else _raw()
        redis_client().delete(STAGES_QUEUE)
        leases.take("a", raw, "", STAGES_QUEUE)
        _age("a", TIMEOUT_S + 1)
        assert leases.restore_expired() == 1
        assert _queued()[0]["headers"][CRASHES_HEADER] == expected


def test_what_is_handed_back_counts_no_crash_and_keeps_its_order(leases: Leases) -> None:
    for name in "abc":
        _take(leases, name, f"run/{name}")
    assert leases.hand_back(lambda tag: tag != "b") == 2
    assert _roots() == ["run/a", "run/c"]
    assert all(CRASHES_HEADER not in m["headers"] for m in _queued())
    assert leases.held == {"b"}


def test_who_has_just_come_or_lost_touch_lets_the_living_renew_first(leases: Leases) -> None:
    _take(leases, "a")
    _age("a", TIMEOUT_S + 1)
    newcomer = Leases(redis_client(), TIMEOUT_S)
    newcomer.renew()
    assert newcomer.restore_expired() == 0


def test_an_emptied_redis_gets_its_entries_back(leases: Leases) -> None:
    _take(leases, "a")
    redis_client().flushall()
    leases.renew()
    assert redis_client().hexists(UNACKED, "a")
    leases.acknowledge("a")
    leases.renew()
    assert not redis_client().exists(UNACKED, INDEX)


def test_a_redis_that_is_away_is_no_error_and_is_caught_up_with(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(*_: object, **__: object) -> None:
        raise Away("nobody there")

    _take(leases, "a")
    monkeypatch.setattr(leases, "_forget", away)
    monkeypatch.setattr(leases, "_take", away)
    leases.acknowledge("a")
    _take(leases, "b")
    monkeypatch.undo()
    assert redis_client().hkeys(UNACKED) == ["a"]
    leases.renew()
    assert redis_client().hkeys(UNACKED) == ["b"]


def test_what_goes_back_to_admission_is_not_in_flight(leases: Leases) -> None:
    pace().entered("GDP")
    _take(leases, "a", "run/GDP", ADMISSION_QUEUE)
    leases.hand_back()
    assert pace().now().in_flight == 0
    assert _roots(ADMISSION_QUEUE) == ["run/GDP"]


@pytest.mark.parametrize("indicator", ["GDP", "a/b", 'quote " and \\ back', "ünïcode ☃", "a b", '","root_id":"x/y'])
def test_the_owner_of_a_message_is_read_from_outside(clean_tables: Settings, indicator: str) -> None:
    from tasks.chain import dispatch
    from tasks.ticket import Ticket

    assert owner_of(root_of("20261121-054512-3f9a", indicator)) == ("20261121-054512-3f9a", indicator)
    dispatch([Ticket("20261121-054512-3f9a", indicator, "rules")])
    [message] = redis_client().lrange(ADMISSION_QUEUE, 0, -1)
    assert owner_in(str(message)) == ("20261121-054512-3f9a", indicator)
    redis_client().flushall()


def test_other_messages_have_no_owner() -> None:
    assert owner_of(None) is None
    assert owner_of(str(uuid.uuid4())) is None
    assert owner_in("{}") is None


def test_the_transport_takes_and_acknowledges_through_leases(clean_tables: Settings) -> None:
    from tasks.leases import leases as of_this_process
    from tasks.ticket import Ticket

    app.loader.import_default_modules()
    from tasks.chain import dispatch

    assert Indicator(id="GDP", name="x")
    dispatch([Ticket("run", "GDP", "rules")])
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue(ADMISSION_QUEUE).get(timeout=5)
        tag = message.delivery_tag
        assert redis_client().hkeys(UNACKED) == [tag]
        assert tag in of_this_process().held
    assert redis_client().hkeys(UNACKED) == [tag], "closing the connection must not hand back what runs"
    message.ack()
    assert not redis_client().exists(UNACKED)
    assert tag not in of_this_process().held


def test_a_task_hands_its_chain_on_and_publishes_the_rest_as_ever(clean_tables: Settings) -> None:
    """Its next stage goes with its lease; what belongs to another chain leaves the lease alone."""
    app.loader.import_default_modules()
    task = app.tasks["tasks.save"]
    raw = _raw("run/GDP")
    from tasks.leases import leases as of_this_process

    of_this_process().take("mine", raw, "", STAGES_QUEUE)
    task.push_request(root_id="run/GDP", properties={"delivery_tag": "mine"})
    _task_stack.push(task)
    try:
        app.signature("tasks.save", args=({},)).apply_async(root_id="run/OTHER")
        assert redis_client().hkeys(UNACKED) == ["mine"]
        app.signature("tasks.save", args=({},)).apply_async(root_id="run/GDP")
        assert not redis_client().exists(UNACKED, INDEX)
    finally:
        _task_stack.pop()
        task.pop_request()
    assert _roots() == ["run/OTHER", "run/GDP"]
