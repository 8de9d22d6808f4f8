"""The tasks as durable steps: repeated delivery does no harm, errors are sorted, the ledger knows."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery.exceptions import Ignore, Retry
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from classify.indicator import Indicator
from classify.stages import QUESTIONS
from classify.store import engine, facts, results, runs, sources
from classify.store.runs import Counts, Run, Selection
from config.celery import STAGES_QUEUE
from config.settings import Settings
from tasks.celery import app
from tasks.clients import redis_client
from tasks.errors import LONGEST_RETRY_S
from tasks.pace import pace
from tasks.ticket import Message, Ticket


@pytest.fixture
def run(clean_tables: Settings) -> Iterator[Run]:
    sources.load([Indicator(id="GDP", name="Gross domestic product", units="USD billions")])
    opened = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert opened is not None
    yield opened
    pace().left("GDP")


def _task(name: str) -> Any:
    app.loader.import_default_modules()
    return app.tasks[f"tasks.{name}"]


def _step(name: str, message: Message) -> Message:
    ticket = _task(name).run(message)
    return ticket and ticket.message()  # type: ignore[no-any-return]


def _first(run: Run) -> Message:
    return Ticket(run.run_id, "GDP", run.provider).message()


def _all_questions(run: Run) -> Message:
    message = _first(run)
    for question in QUESTIONS:
        message = _step(question.name, message)
    return message


def test_seven_steps_make_a_classification(run: Run) -> None:
    _step("save", _all_questions(run))
    assert facts.verify(run.run_id).ok
    assert runs.counts(run.run_id) == Counts(queued=0, admitted=0, done=1, failed=0)
    assert pace().now().in_flight == 0


def test_a_repeated_delivery_asks_nobody_and_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    message = _first(run)
    after_normalize = _step("normalize", message)
    after_time = _step("time", after_normalize)

    def nobody(*_: object) -> None:
        raise AssertionError("asked twice")

    monkeypatch.setattr("tasks.stages.ask", nobody)
    assert _step("normalize", message) == after_normalize
    assert _step("time", after_normalize) == after_time


def test_a_delivery_after_the_end_is_ignored(run: Run) -> None:
    _step("save", _all_questions(run))
    with pytest.raises(Ignore):
        _step("normalize", _first(run))
    assert pace().now().in_flight == 0


def test_saving_twice_is_saving_once(run: Run) -> None:
    message = _all_questions(run)
    _step("save", message)
    _step("save", message)
    with engine().connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM classifications")).scalar() == 1
    assert runs.counts(run.run_id).done == 1


def test_another_run_answers_anew(run: Run) -> None:
    _step("save", _all_questions(run))
    runs.close_finished_runs()
    second = runs.open_run(Selection(force=True), target_ipm=600, provider="rules", model="rules")
    assert second is not None
    assert results.recall(QUESTIONS[1], second.run_id, "GDP").result is None
    _step("save", _all_questions(second))
    assert facts.verify(second.run_id).ok


def test_what_cannot_be_answered_fails_this_indicator_with_its_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = _step("normalize", _first(run))

    def broken(*_: object) -> None:
        raise ValueError("no answer to be had")

    monkeypatch.setattr("tasks.stages.ask", broken)
    with pytest.raises(ValueError, match="no answer"):
        _step("time", message)
    assert runs.counts(run.run_id).failed == 1
    with engine().connect() as connection:
        row = connection.execute(text("SELECT stage, error_class, message FROM failed_indicators")).one()
    assert tuple(row) == ("time", "ValueError", "no answer to be had")
    assert pace().now().in_flight == 0


def test_a_database_that_is_away_is_tried_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(results, "recall", away)
    monkeypatch.setattr("tasks.patience.LONGEST_S", 0)
    task = _task("time")
    task.push_request(called_directly=False, id="a-task", args=[_first(run)], kwargs={}, retries=2)
    try:
        with pytest.raises(Retry) as retried:
            _step("time", _first(run))
    finally:
        task.pop_request()
    assert 0 < retried.value.when <= LONGEST_RETRY_S
    assert redis_client().llen(STAGES_QUEUE) == 1
    assert runs.counts(run.run_id).failed == 0


def test_saving_without_all_answers_is_refused(run: Run) -> None:
    message = _step("time", _step("normalize", _first(run)))
    with pytest.raises(results.IncompleteError):
        _step("save", message)
