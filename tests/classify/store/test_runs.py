"""The ledger: what a run takes, what it leaves to others, and how it ends."""

import time
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from classify.errors import BadAnswerError, TransientError, UserError
from classify.indicator import Indicator
from classify.stages import QUESTIONS
from classify.store import engine, ledger, results, runs, sources
from classify.store.runs import Counts, Run, Selection, Standing

pytestmark = pytest.mark.usefixtures("clean_tables")


def _load(ids: Sequence[str], name: str = "Series") -> None:
    sources.load([Indicator(id=i, name=name) for i in ids])


def _open(**selection: object) -> Run | None:
    return runs.open_run(Selection(**selection), target_ipm=600, provider="rules", model="rules")  # type: ignore[arg-type]


def _admit(run: Run, indicator_id: str) -> bool:
    return results.recall(QUESTIONS[0], run.run_id, indicator_id, admitting="w").admitted


def _classify(run: Run) -> None:
    """What the chain leaves behind, as far as the selection of the next run looks at it."""
    statement = """
        INSERT INTO classifications (indicator_id, name, sample_values, run_id, fingerprint, provider, model,
            is_currency_denominated, normalized_scale, parsed_unit_type, parsing_confidence, reporting_frequency,
            time_basis, time_confidence, time_reasoning, source_used, is_cumulative, pattern_type,
            cumulative_confidence, evidence, cumulative_reasoning, family, family_confidence, family_reasoning,
            indicator_type, temporal_aggregation, type_confidence, type_reasoning, heat_map_orientation,
            orientation_confidence, orientation_reasoning)
        SELECT indicator_id, '', '[]', run_id, fingerprint, '', '', false, '', '', 1, '', '', 1, '', '', false, '', 1,
            '', '', '', 1, '', '', '', 1, '', '', 1, ''
        FROM run_indicators WHERE run_id = :run_id
    """
    with engine().connect() as connection:
        connection.execute(text(statement), {"run_id": run.run_id})
        connection.execute(
            text("UPDATE run_indicators SET status = 'done', finished_at = now() WHERE run_id = :run_id"),
            {"run_id": run.run_id},
        )


def test_a_run_takes_what_is_unclassified_in_the_order_of_loading() -> None:
    _load(["b", "a", "c"])
    run = _open()
    assert run is not None
    assert (run.status, run.total, run.target_ipm) == ("running", 3, 600)
    assert runs.unfinished(run.run_id) == ["b", "a", "c"]
    assert runs.counts(run.run_id) == Counts(queued=3, admitted=0, done=0, failed=0)


def test_nothing_to_do_leaves_no_trace() -> None:
    assert _open() is None
    with pytest.raises(UserError, match="no run yet"):
        runs.find_run()


def test_limit_and_ids() -> None:
    _load(["a", "b", "c"])
    assert runs.unfinished(_open(limit=2).run_id) == ["a", "b"]  # type: ignore[union-attr]
    assert runs.unfinished(_open(ids=["c", "a"]).run_id) == ["c"]  # type: ignore[union-attr]  # a: in the other's hands


def test_what_is_classified_is_left_out_until_it_changes_or_force() -> None:
    _load(["a", "b"])
    run = _open()
    assert run is not None
    _classify(run)
    runs.close_finished_runs()
    assert _open() is None
    _load(["b"], name="Renamed")
    changed = _open()
    assert changed is not None
    assert runs.unfinished(changed.run_id) == ["b"]
    forced = _open(force=True)
    assert forced is not None
    assert runs.unfinished(forced.run_id) == ["a"]


def test_admission_counts_attempts_and_refuses_what_is_finished_or_of_another_run() -> None:
    _load(["a"])
    run = _open()
    _load(["b"])
    assert run is not None
    assert _admit(run, "a")
    assert _admit(run, "a")
    with engine().connect() as connection:
        assert connection.scalar(text("SELECT attempts FROM run_indicators")) == 2
    runs.fail(run.run_id, "a", stage="time", error=ValueError("'; DROP TABLE runs; --"), worker="w")
    assert not _admit(run, "a")
    assert not _admit(run, "b")
    with engine().connect() as connection:
        failed = connection.execute(text("SELECT stage, error_class, message, attempts FROM failed_indicators")).one()
    assert tuple(failed) == ("time", "ValueError", "'; DROP TABLE runs; --", 2)


def test_a_run_that_is_on_is_believed_for_a_moment_and_one_that_is_not_is_looked_up() -> None:
    _load(["a"])
    run = _open()
    assert run is not None
    assert runs.standing(run.run_id) == Standing(is_on=True, max_cost_usd=None, model="rules")
    with engine().connect() as connection:  # by another process
        connection.execute(text("UPDATE runs SET status = 'halted'"))
    assert runs.standing(run.run_id).is_on
    time.sleep(0.6)
    assert not runs.standing(run.run_id).is_on
    with engine().connect() as connection:
        connection.execute(text("UPDATE runs SET status = 'running'"))
    assert runs.standing(run.run_id).is_on
    assert runs.halt(run.run_id, "here")
    assert not runs.standing(run.run_id).is_on
    assert not runs.standing("no such run").is_on


def test_a_run_is_closed_once_everything_is_done_or_failed() -> None:
    _load(["a", "b"])
    run = _open()
    assert run is not None
    assert _admit(run, "a")
    runs.fail(run.run_id, "a", stage="time", error=ValueError("no"), worker="w")
    assert runs.close_finished_runs() == []
    runs.fail(run.run_id, "b", stage="time", error=ValueError("no"), worker="w")
    assert runs.close_finished_runs() == [run.run_id]
    closed = runs.find_run(run.run_id)
    assert (closed.status, closed.completed, closed.failed) == ("done", 0, 2)
    assert closed.finished_at is not None


def test_an_unknown_run_is_named() -> None:
    with pytest.raises(UserError, match="nope"):
        runs.find_run("nope")


def _fail(run: Run, indicator: str, error: Exception) -> None:
    runs.fail(run.run_id, indicator, stage="family", error=error, worker="w")
    runs.close_finished_runs()


def test_what_failed_by_itself_too_often_is_left_out_until_it_changes() -> None:
    _load(["a", "b", "c"])
    for night in (1, 2):
        run = _open(most_failures=2)
        assert run is not None
        assert runs.unfinished(run.run_id) == ["a", "b", "c"]
        _fail(run, "a", BadAnswerError("prose"))
        _fail(run, "b", TransientError("away"))
        assert ledger.given_up(2) == night - 1
        _fail(run, "c", BadAnswerError("prose") if night == 1 else TransientError("away"))
    third = _open(most_failures=2)
    assert third is not None
    assert runs.unfinished(third.run_id) == ["b", "c"]
    asked_for = _open()
    assert asked_for is not None
    assert runs.unfinished(asked_for.run_id) == ["a"]
    _fail(asked_for, "a", BadAnswerError("prose"))
    _load(["a"], name="Renamed")
    assert ledger.given_up(2) == 0
    changed = _open(most_failures=2)
    assert changed is not None
    assert runs.unfinished(changed.run_id) == ["a"]


def test_a_halted_run_may_go_on_unless_a_later_one_has_taken_up_what_it_left() -> None:
    _load(["a", "b"])
    first = _open(ids=["a"])
    second = _open(ids=["b"])
    assert first is not None
    assert second is not None
    for run in (first, second):
        runs.halt(run.run_id, "no quota")
    assert ledger.halted("rules") == [first.run_id, second.run_id]
    assert ledger.halted("openai") == []
    assert _open(ids=["a"]) is not None
    assert ledger.halted("rules") == [second.run_id]
