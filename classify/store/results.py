"""The results of the stages: recalled before a stage asks anyone, kept when answered, put together at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from classify.indicator import Indicator
from classify.providers.base import Answer
from classify.stages import QUESTIONS
from classify.stages.base import Question, StageResult
from classify.store import reviews
from classify.store.calls import RECORD, as_json
from classify.store.prepared import Prepared
from classify.store.runs import ADMIT
from classify.store.tables import SOURCE_FIELDS, saved_name
from classify.taxonomy import CURRENCY_AMOUNT

R = TypeVar("R", bound=StageResult)


class UnknownIndicatorError(LookupError):
    """An indicator that is not, or no longer, in `source_indicators`."""


class IncompleteError(LookupError):
    """An indicator at the last stage without the result of an earlier one."""


@dataclass(frozen=True)
class Recalled:
    """What a stage has to know of an indicator before it asks anyone; all but `result` serves the later stages, too.

    Parameters
    ----------
    indicator
        As it was loaded.
    corrections
        Stage name → what a person has said instead of an earlier answer, if the indicator has not changed since.
    result
        What this stage of this run has already answered about it, if it has.
    admitted
        False when an admission was asked for, and the ledger has nothing to admit: the indicator is finished, or the
        run was halted.
    """

    indicator: Indicator
    corrections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    result: StageResult | None = None
    admitted: bool = True


@cache
def _recall(question: Question[Any], *, admits: bool) -> Prepared:
    source = ", ".join(f"source.{c}" for c in SOURCE_FIELDS)
    result = ", ".join(f"result.{f} AS result_{f}" for f in question.result.model_fields)
    return Prepared(f"""
        {f"WITH admission AS ({ADMIT} RETURNING ledger.indicator_id)" if admits else ""}
        SELECT {source}, result.run_id IS NOT NULL AS answered, {result}, corrected.answers AS corrections,
            {"EXISTS (SELECT FROM admission)" if admits else "true"} AS admitted
        FROM source_indicators AS source
        LEFT JOIN {question.table} AS result ON result.indicator_id = source.id AND result.run_id = :run_id
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(stage, answer) AS answers FROM corrections
            WHERE indicator_id = source.id AND fingerprint = source.fingerprint AND overruled_by IS NULL
        ) AS corrected ON true
        WHERE source.id = :indicator_id
    """)


def recall(question: Question[Any], run_id: str, indicator_id: str, *, admitting: str | None = None) -> Recalled:
    """Look up an indicator and this stage's result of this run, in one round trip.

    Parameters
    ----------
    admitting
        The worker that admits the indicator, which the ledger notes along with the attempt; None where it is in hand.

    Raises
    ------
    UnknownIndicatorError
        When the indicator is gone.
    """
    statement = _recall(question, admits=admitting is not None)
    row = statement.first(run_id=run_id, indicator_id=indicator_id, worker=admitting)
    if row is None:
        raise UnknownIndicatorError(f"indicator {indicator_id!r} is not in source_indicators")
    answer = {f: row[f"result_{f}"] for f in question.result.model_fields}
    return Recalled(
        indicator=Indicator.model_validate({"id": indicator_id, **{c: row[c] for c in SOURCE_FIELDS}}),
        corrections=row["corrections"] or {},
        result=question.result.model_validate(answer) if row["answered"] else None,
        admitted=row["admitted"],
    )


@cache
def _keep(question: Question[Any], *, with_calls: bool, cross_check: str | None) -> Prepared:
    fields = list(question.result.model_fields)
    before = [f"called AS ({RECORD})"] if with_calls else []
    before += [f"checked AS ({cross_check})"] if cross_check else []
    return Prepared(f"""
        {"WITH " + ", ".join(before) if before else ""}
        INSERT INTO {question.table} (indicator_id, run_id, {", ".join(fields)})
        VALUES (:indicator_id, :run_id, {", ".join(f":{f}" for f in fields)})
        ON CONFLICT (indicator_id) DO UPDATE
        SET run_id = excluded.run_id, {", ".join(f"{f} = excluded.{f}" for f in fields)}, updated_at = now()
        WHERE {question.table}.run_id <> excluded.run_id
    """)


def keep(question: Question[R], run_id: str, indicator_id: str, answer: Answer[R]) -> bool:
    """Upsert the result of a stage, and record the calls that it took, in one statement: no result without its bill.

    However often it is delivered, there is one row for each indicator.

    Returns
    -------
    bool
        False when somebody else has answered in this run meanwhile: his answer stays, and his chain goes on.
    """
    values = {"run_id": run_id, "indicator_id": indicator_id, **answer.result.model_dump(mode="json")}
    if answer.calls:
        values |= {"stage": question.name, "calls": as_json(answer.calls)}
    cross_check = None
    if answer.by_rules is not None:
        cross_check, more = reviews.cross_check(question, answer.result, answer.by_rules)
        values |= more
    statement = _keep(question, with_calls=bool(answer.calls), cross_check=cross_check)
    return statement.execute(**values) == 1


@cache
def _save() -> Prepared:
    values = {c: f"source.{c}" for c in SOURCE_FIELDS}
    for question in QUESTIONS:
        values.update({saved_name(question, f): f"{question.table}.{f}" for f in question.result.model_fields})
    values["is_currency_denominated"] = f"normalization_results.parsed_unit_type = '{CURRENCY_AMOUNT}'"
    values |= {c: f"run.{c}" for c in ("provider", "model", "run_id")}
    # The fingerprint that the run set out with: an indicator that changed since is due again.
    values["fingerprint"] = "ledger.fingerprint"
    joins = "\n".join(
        f"JOIN {q.table} ON {q.table}.indicator_id = source.id AND {q.table}.run_id = run.run_id" for q in QUESTIONS
    )
    return Prepared(f"""
        WITH saved AS (
            INSERT INTO classifications (indicator_id, {", ".join(values)})
            SELECT source.id, {", ".join(values.values())}
            FROM source_indicators AS source
            JOIN run_indicators AS ledger ON ledger.indicator_id = source.id
            JOIN runs AS run ON run.run_id = ledger.run_id
            {joins}
            WHERE source.id = :indicator_id AND run.run_id = :run_id
            ON CONFLICT (indicator_id) DO UPDATE
            SET {", ".join(f"{c} = excluded.{c}" for c in values)}, updated_at = now()
            RETURNING indicator_id
        )
        UPDATE run_indicators SET status = 'done', finished_at = coalesce(finished_at, now()), worker = :worker
        FROM saved
        WHERE run_indicators.run_id = :run_id AND run_indicators.indicator_id = saved.indicator_id
    """)


def save(run_id: str, indicator_id: str, worker: str) -> bool:
    """Put the row of `classifications` together and close the ledger's entry, in one statement.

    Returns
    -------
    bool
        False when a stage's result of this run is missing, so that nothing was written.
    """
    return _save().execute(run_id=run_id, indicator_id=indicator_id, worker=worker) == 1
