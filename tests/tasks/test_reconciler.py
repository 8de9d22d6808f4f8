"""The reconciler over real stores: what has no message is sent off again once; what waits, is worked on or halted is
left alone."""

import json
from collections.abc import Iterator

import pytest

from classify.indicator import Indicator
from classify.stages import QUESTIONS
from classify.store import results, runs, sources
from classify.store.runs import Run, Selection
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import Settings
from tasks.chain import dispatch, sending_key
from tasks.clients import redis_client
from tasks.enqueue import send
from tasks.leases import Leases
from tasks.pace import TARGET_KEY, pace
from tasks.presence import message_count, owners
from tasks.reconciler import LOCK_KEY, Reconciler
from tasks.stages import app
from tasks.ticket import Ticket

IDS = ["A", "B", "C"]


@pytest.fixture
def run(clean_tables: Settings) -> Iterator[Run]:
    sources.load(Indicator(id=i, name="Gross domestic product", units="USD billions") for i in IDS)
    opened = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert opened is not None
    pace().set_target(600)
    app.loader.import_default_modules()
    yield opened
    redis_client().flushall()


@pytest.fixture
def reconciler() -> Reconciler:
    return Reconciler(redis_client(), patience_s=0)


def _take(queue: str) -> dict[str, object]:
    return json.loads(redis_client().rpop(queue) or "")  # type: ignore[no-any-return]


def test_nothing_is_sent_again_while_every_indicator_has_a_message(run: Run, reconciler: Reconciler) -> None:
    send(run)
    assert owners(redis_client()) == {(run.run_id, i) for i in IDS}
    held = _take(ADMISSION_QUEUE)
    Leases(redis_client(), 60).take("tag", held, "", ADMISSION_QUEUE)
    redis_client().rpoplpush(ADMISSION_QUEUE, STAGES_QUEUE)
    assert message_count(redis_client()) == 3
    for _ in range(3):
        assert reconciler.look() == 0
    assert message_count(redis_client()) == 3


def test_what_was_lost_is_sent_off_again_once(run: Run, reconciler: Reconciler) -> None:
    send(run)
    _take(ADMISSION_QUEUE)
    assert reconciler.look() == 1
    assert reconciler.look() == 0
    assert owners(redis_client()) == {(run.run_id, i) for i in IDS}


def test_what_is_being_sent_off_is_not_lost_and_what_its_sender_left_is(run: Run, reconciler: Reconciler) -> None:
    seen: list[int] = []

    def tickets() -> Iterator[Ticket]:
        for indicator in IDS:
            yield Ticket(run.run_id, indicator, "rules")
            seen.append(reconciler.look())

    assert dispatch(tickets()) == 3
    assert seen == [0, 0, 0]
    assert message_count(redis_client()) == 3
    redis_client().delete(ADMISSION_QUEUE)
    assert reconciler.look() == 3
    redis_client().delete(ADMISSION_QUEUE)

    def dies() -> Iterator[Ticket]:
        yield Ticket(run.run_id, IDS[0], "rules")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatch(dies())
    assert 0 < redis_client().ttl(sending_key(run.run_id)) <= 30
    redis_client().delete(sending_key(run.run_id))  # as it is after that time
    again = Reconciler(redis_client(), patience_s=0)
    redis_client().delete(LOCK_KEY)
    assert again.look() + message_count(redis_client()) >= 3
    assert owners(redis_client()) == {(run.run_id, i) for i in IDS}


def test_patience_comes_first(run: Run) -> None:
    patient = Reconciler(redis_client(), patience_s=60)
    for _ in range(3):
        assert patient.look() == 0
    assert message_count(redis_client()) == 0


def test_it_goes_on_at_the_first_stage_without_an_answer(run: Run, reconciler: Reconciler) -> None:
    message = Ticket(run.run_id, "A", "rules").message()
    for question in QUESTIONS[:3]:
        message = app.tasks[f"tasks.{question.name}"].run(message).message()
    assert reconciler.look() == 3
    [sent] = [json.loads(m) for m in redis_client().lrange(STAGES_QUEUE, 0, -1)]
    assert sent["headers"]["task"] == f"tasks.{QUESTIONS[3].name}"
    assert redis_client().llen(ADMISSION_QUEUE) == 2


def test_two_at_once_act_as_one(run: Run, reconciler: Reconciler) -> None:
    other = Reconciler(redis_client(), patience_s=0)
    assert reconciler.look() == 3
    redis_client().delete(ADMISSION_QUEUE)
    assert other.look() == 0
    redis_client().delete(LOCK_KEY)
    assert other.look() == 3


def test_a_halted_run_is_left_alone(run: Run, reconciler: Reconciler) -> None:
    runs.halt(run.run_id, "the key is wrong")
    assert reconciler.look() == 0


def test_a_finished_run_is_closed(run: Run, reconciler: Reconciler) -> None:
    for indicator in IDS:
        runs.fail(run.run_id, indicator, stage="time", error=ValueError("no"), worker="w")
    reconciler.look()
    assert runs.find_run(run.run_id).status == "done"


def test_a_target_that_redis_lost_is_set_again(run: Run, reconciler: Reconciler) -> None:
    redis_client().delete(TARGET_KEY)
    reconciler.look()
    assert pace().target_ipm == 600
    pace().set_target(1234)
    reconciler.look()
    redis_client().delete(TARGET_KEY)
    reconciler.look()
    assert pace().target_ipm == 1234, "the one last seen goes before the run's"


def test_what_is_in_flight_is_what_the_ledger_says(run: Run, reconciler: Reconciler) -> None:
    pace().entered("GHOST")
    app.tasks["tasks.normalize"].run(Ticket(run.run_id, "A", "rules").message())
    pace().left("A")
    results.recall(QUESTIONS[0], run.run_id, "B", admitting="w")  # its worker died before the first stage answered
    pace().entered("B")
    reconciler.look()
    assert {str(i) for i in redis_client().zrange("pace:in_flight", 0, -1)} == {"A"}
