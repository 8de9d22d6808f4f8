"""The review list: where the LLM and the rules disagree, or the LLM kept contradicting itself, a person decides."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text

from classify.stages.base import Question, StageResult
from classify.store.engine import engine

R = TypeVar("R", bound=StageResult)

RULES_GUESS_BELOW = 0.5
"""Below this confidence the rules only guess, and that they disagree says nothing."""

# A decision stands as long as both sides say what they said when it was made.
_UPSERT = """
    INSERT INTO review_items (indicator_id, stage, run_id, fingerprint, kind, answer, by_rules, complaint)
    SELECT indicator_id, :review_stage, run_id, fingerprint, :kind, CAST(:answer AS jsonb), CAST(:by_rules AS jsonb),
        CAST(:complaint AS text)
    FROM run_indicators WHERE run_id = :run_id AND indicator_id = :indicator_id
    ON CONFLICT (indicator_id, stage) DO UPDATE
    SET run_id = excluded.run_id, fingerprint = excluded.fingerprint, kind = excluded.kind, answer = excluded.answer,
        by_rules = excluded.by_rules, complaint = excluded.complaint, status = 'open', created_at = now(),
        decided_at = NULL
    WHERE review_items.status = 'open' OR review_items.fingerprint <> excluded.fingerprint
       OR review_items.answer - CAST(:no_labels AS text[]) <> excluded.answer - CAST(:no_labels AS text[])
"""
_CLOSE = """
    DELETE FROM review_items
    WHERE indicator_id = :indicator_id AND stage = :review_stage AND status = 'open'
"""


def cross_check(question: Question[R], answer: R, by_rules: R) -> tuple[str, dict[str, Any]]:
    """Part of the statement that keeps `answer`, and its parameters: onto the review list, or off it again."""
    told = question.labels(answer) != question.labels(by_rules)
    if told and getattr(by_rules, "confidence", 1.0) >= RULES_GUESS_BELOW:
        return _UPSERT, _values(question, "disagreement", answer, by_rules, None)
    return _CLOSE, {"review_stage": question.name}


def contradicted(
    run_id: str, indicator_id: str, question: Question[R], answer: R, by_rules: R, complaint: str | None
) -> None:
    """Put an answer on the list that contradicts the others, however often that was pointed out."""
    values = _values(question, "contradiction", answer, by_rules, complaint)
    with engine().connect() as connection:
        connection.execute(text(_UPSERT), {**values, "run_id": run_id, "indicator_id": indicator_id})


def _values(question: Question[R], kind: str, answer: R, by_rules: R, complaint: str | None) -> dict[str, Any]:
    return {
        "review_stage": question.name,
        "kind": kind,
        "answer": json.dumps(answer.model_dump(mode="json")),
        "by_rules": json.dumps(by_rules.model_dump(mode="json")),
        "complaint": complaint,
        "no_labels": sorted(answer.model_dump().keys() - question.labels(answer).keys()),
    }


@dataclass(frozen=True)
class Item:
    """One entry of the list: both answers in full; `kind` is disagreement or contradiction."""

    indicator_id: str
    name: str
    stage: str
    kind: str
    answer: dict[str, Any]
    by_rules: dict[str, Any]
    complaint: str | None
    status: str
    run_id: str
    created_at: datetime


def items(
    *, status: str | None = "open", ids: Sequence[str] | None = None, stage: str | None = None, limit: int | None = None
) -> list[Item]:
    """The list: contradictions first, then where the rules are surest.

    Parameters
    ----------
    status
        open, accepted or corrected; None for all.
    ids, stage
        Only those.
    limit
        At most so many.
    """
    statement = text("""
        SELECT indicator_id, source.name, stage, kind, answer, by_rules, complaint, status, run_id, item.created_at
        FROM review_items AS item JOIN source_indicators AS source ON source.id = indicator_id
        WHERE (CAST(:status AS text) IS NULL OR status = :status)
          AND (CAST(:ids AS text[]) IS NULL OR indicator_id = ANY(:ids))
          AND (CAST(:stage AS text) IS NULL OR stage = :stage)
        ORDER BY kind, CAST(by_rules ->> 'confidence' AS float) DESC NULLS LAST, source.position, stage
        LIMIT :limit
    """)
    values = {"status": status, "ids": None if ids is None else list(ids), "stage": stage, "limit": limit}
    with engine().connect() as connection:
        return [Item(**row) for row in connection.execute(statement, values).mappings()]


def accept(indicator_id: str, stages: Sequence[str]) -> None:
    """Take entries off the list: the answer is right as it stands."""
    statement = text("""
        UPDATE review_items SET status = 'accepted', decided_at = now()
        WHERE indicator_id = :id AND stage = ANY(:stages)
    """)
    with engine().connect() as connection:
        connection.execute(statement, {"id": indicator_id, "stages": list(stages)})
