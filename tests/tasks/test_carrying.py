"""Chains that go on in the worker that they are in: what is carried on, what takes the way through the queue."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery.app.trace import build_tracer
from celery.signals import before_task_publish
from redis.exceptions import ConnectionError as Away

from classify.indicator import Indicator
from classify.stages import QUESTIONS
from classify.store import facts, runs, sources
from classify.store.runs import Run, Selection
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import ROOT, Settings
from tasks import carrying
from tasks.celery import app
from tasks.chain import chain_of, dispatch
from tasks.clients import redis_client
from tasks.leases import INDEX, UNACKED, leases
from tasks.messages import KNOWN
from tasks.ticket import Ticket


@pytest.fixture
def run(clean_tables: Settings) -> Iterator[Run]:
    app.loader.import_default_modules()
    sources.load([Indicator(id="GDP", name="Gross domestic product", units="USD billions")])
    opened = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert opened is not None
    yield opened
    leases().hand_back()
    redis_client().flushall()


class Worker:
    """A worker's consumer without its loop: what is delivered to it stays to be looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.delivered: list[Any] = []
        self.connection = app.connection_for_read()
        channel = self.connection.default_channel
        monkeypatch.setattr(carrying, "_consumer", None)
        channel.basic_consume(STAGES_QUEUE, False, self.delivered.append, "test")
        monkeypatch.setattr(carrying, "is_green", lambda: True)
        monkeypatch.setattr(carrying, "_deliver_soon", self._deliver)

    def _deliver(self, channel: Any, message: Any) -> None:
        channel.connection._callbacks[STAGES_QUEUE](message)

    def runs_a_stage(self, message: Any) -> None:
        """As Celery does with what it has received: trace the task, and acknowledge the message."""
        args, kwargs, embed = message.payload
        task = app.tasks[message.headers["task"]]
        context = {
            **message.headers,
            **embed,
            "properties": message.properties,
            "delivery_info": message.delivery_info,
            "hostname": "worker@test",
        }
        build_tracer(task.name, task, app=app)(message.headers["id"], args, kwargs, context)
        message.ack()


@pytest.fixture
def worker(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    found = Worker(monkeypatch)
    yield found
    found.connection.release()


def _begin(worker: Worker, run: Run) -> Any:
    """The second stage's message, taken out of the queue by the worker."""
    after = app.tasks["tasks.normalize"].run(Ticket(run.run_id, "GDP", "rules").message())
    assert dispatch([after]) == 1
    redis = redis_client()
    raw = json.loads(redis.rpop(STAGES_QUEUE))  # type: ignore[arg-type]
    worker._deliver(worker.connection.default_channel, raw)
    return worker.delivered[-1]


def test_a_chain_goes_on_without_a_queue_and_each_stage_is_leased(run: Run, worker: Worker) -> None:
    message = _begin(worker, run)
    stages = []
    while True:
        held = redis_client().hgetall(UNACKED)
        assert [*held] == [message.delivery_tag], "one message, in this worker's hands"
        [raw, exchange, queue] = json.loads(held[message.delivery_tag])
        assert raw["headers"]["task"] == message.headers["task"]
        assert (exchange, queue) == ("", STAGES_QUEUE)
        assert KNOWN not in raw["properties"], "what is known here is in no lease"
        assert redis_client().zscore(INDEX, message.delivery_tag)
        before = len(worker.delivered)
        stages.append(message.headers["task"])
        worker.runs_a_stage(message)
        assert redis_client().llen(STAGES_QUEUE) == 0
        if len(worker.delivered) == before:
            break
        message = worker.delivered[-1]
    assert stages == [*(f"tasks.{q.name}" for q in QUESTIONS[1:]), "tasks.save"]
    assert redis_client().hlen(UNACKED) == redis_client().zcard(INDEX) == 0
    assert facts.verify(run.run_id).ok


def test_later_stages_do_not_look_up_what_the_first_one_did(
    run: Run, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = _begin(worker, run)
    worker.runs_a_stage(message)
    assert worker.delivered[-1].properties[KNOWN].indicator.id == "GDP"
    monkeypatch.setattr("classify.store.results.recall", lambda *_, **__: pytest.fail("looked up again"))
    worker.runs_a_stage(worker.delivered[-1])
    assert worker.delivered[-1].headers["task"] == f"tasks.{QUESTIONS[3].name}"


def test_what_dies_on_the_way_is_taken_back_whole(run: Run, worker: Worker) -> None:
    worker.runs_a_stage(_begin(worker, run))
    assert leases().hand_back(after_a_crash=True) == 1
    [raw] = [json.loads(m) for m in redis_client().lrange(STAGES_QUEUE, 0, -1)]
    assert raw["headers"]["task"] == f"tasks.{QUESTIONS[2].name}"
    assert raw["headers"]["crashes"] == 1
    worker._deliver(worker.connection.default_channel, raw)
    worker.runs_a_stage(worker.delivered[-1])
    assert worker.delivered[-1].headers["task"] == f"tasks.{QUESTIONS[3].name}"


@pytest.mark.parametrize("reason", ["the worker is asked to stop", "it consumes the stages no more", "no gevent"])
def test_a_worker_that_may_not_go_on_hands_the_chain_to_the_queue(
    run: Run, worker: Worker, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    message = _begin(worker, run)
    if reason == "the worker is asked to stop":
        monkeypatch.setattr(carrying, "is_stopping", lambda: True)
    elif reason == "no gevent":
        monkeypatch.setattr(carrying, "is_green", lambda: False)
    else:
        worker.connection.default_channel.basic_cancel("test")
    worker.runs_a_stage(message)
    assert redis_client().llen(STAGES_QUEUE) == 1
    assert redis_client().hlen(UNACKED) == 0
    assert len(worker.delivered) == 1


def test_a_redis_that_is_away_is_waited_for_where_celery_publishes(
    run: Run, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Away("gone")

    message = _begin(worker, run)
    monkeypatch.setattr(leases(), "carry_on", away)
    worker.runs_a_stage(message)
    assert redis_client().llen(STAGES_QUEUE) == 1


def test_who_wants_to_see_what_is_published_sees_it(run: Run, worker: Worker) -> None:
    seen: list[str] = []

    def see(sender: str = "", **_: object) -> None:
        seen.append(sender)

    message = _begin(worker, run)
    before_task_publish.connect(see)
    try:
        worker.runs_a_stage(message)
    finally:
        before_task_publish.disconnect(see)
    assert seen == [f"tasks.{QUESTIONS[2].name}"]


def test_a_chain_that_is_sent_off_outside_of_a_task_is_published(run: Run, worker: Worker) -> None:
    chain_of(Ticket(run.run_id, "GDP", "rules")).apply_async()
    assert redis_client().llen(ADMISSION_QUEUE) == 1
    assert worker.delivered == []


def test_green_is_who_has_been_patched() -> None:
    code = "from tasks.green import is_green; print(is_green())"
    patched = f"from gevent import monkey; monkey.patch_all(); {code}"
    told = [
        subprocess.run([sys.executable, "-c", c], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for c in (code, patched)
    ]
    assert told == ["False\n", "True\n"]
