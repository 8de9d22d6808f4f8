"""How far each unfinished indicator of a run has come: what a run that is taken up again need not ask a second time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import text

from classify.stages import QUESTIONS
from classify.stages.base import PROSE_FIELDS
from classify.store.engine import transactions

_FETCH = 500


@dataclass(frozen=True)
class Progress:
    """One unfinished indicator.

    Parameters
    ----------
    status
        `queued` until the pace has let it in, then `admitted`.
    findings
        Stage name → its answer of this run without the prose, up to the first stage that has none.
    """

    indicator_id: str
    status: Literal["queued", "admitted"]
    findings: dict[str, dict[str, Any]]


def _answer(stage: str, fields: list[str]) -> str:
    pairs = ", ".join(f"'{field}', {stage}_answer.{field}" for field in fields)
    return f"CASE WHEN {stage}_answer.run_id IS NOT NULL THEN jsonb_build_object({pairs}) END AS {stage}"


_FIELDS = {q.name: [f for f in q.result.model_fields if f not in PROSE_FIELDS] for q in QUESTIONS}
_NEWLINE = "\n    "
_UNFINISHED = f"""
    SELECT ledger.indicator_id, ledger.status, {", ".join(_answer(*item) for item in _FIELDS.items())}
    FROM run_indicators AS ledger
    JOIN source_indicators AS source ON source.id = ledger.indicator_id
    {
    _NEWLINE.join(
        f"LEFT JOIN {q.table} AS {q.name}_answer ON {q.name}_answer.indicator_id = ledger.indicator_id"
        f" AND {q.name}_answer.run_id = ledger.run_id"
        for q in QUESTIONS
    )
}
    WHERE ledger.run_id = :run_id AND ledger.status IN ('queued', 'admitted')
      AND (CAST(:only AS text[]) IS NULL OR ledger.indicator_id = ANY(:only))
    ORDER BY source.position
"""


def unfinished(run_id: str, only: Collection[str] | None = None) -> Iterator[Progress]:
    """The run's indicators that are neither done nor failed, in the order of loading; streams.

    Parameters
    ----------
    only
        Of these ids; None is all.
    """
    values = {"run_id": run_id, "only": None if only is None else list(only)}
    with transactions().connect() as connection:
        stream = connection.execution_options(yield_per=_FETCH)
        for row in stream.execute(text(_UNFINISHED), values).mappings():
            findings: dict[str, dict[str, Any]] = {}
            for question in QUESTIONS:
                if row[question.name] is None:
                    break
                findings[question.name] = row[question.name]
            yield Progress(row["indicator_id"], row["status"], findings)
