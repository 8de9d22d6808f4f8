"""Corrections: what a person says instead of an answer. They outlast runs, until --force or the indicator changes.

A stage that finds a correction asks nobody; so whatever follows from it is asked with the corrected answer.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, text

from classify.errors import UserError
from classify.stages import QUESTIONS
from classify.stages.base import NO_LABELS, Findings, Question, StageResult
from classify.stages.normalize import Normalization, is_currency_denominated
from classify.store.engine import transactions
from classify.store.tables import saved_name

FIELDS: dict[str, tuple[Question[Any], str]] = {
    saved_name(question, field): (question, field)
    for question in QUESTIONS
    for field in question.result.model_fields
    if field not in NO_LABELS
}
"""Labels by their name in `classifications` → the stage, and the field of its answer."""

_BY_A_PERSON = {"reasoning": "Corrected by a person.", "evidence": "a person", "source_used": "person"}
_SURE = {"confidence": 1.0, "parsing_confidence": 1.0}


def correct(indicator_id: str, labels: Mapping[str, str]) -> list[str]:
    """Keep `labels` for an indicator, in its stages' tables and in `classifications` too; the stages corrected.

    Parameters
    ----------
    labels
        Names as in `FIELDS` → values as text; empty text where there is to be none.

    Raises
    ------
    UserError
        When there is no such indicator or label, a value is not possible, or the answers would contradict each other.
    """
    if unknown := [name for name in labels if name not in FIELDS]:
        raise UserError(f"{unknown[0]} is no label: choose among {', '.join(FIELDS)}")
    with transactions().begin() as connection:
        fingerprint = connection.scalar(
            text("SELECT fingerprint FROM source_indicators WHERE id = :id"), {"id": indicator_id}
        )
        if fingerprint is None:
            raise UserError(f"not loaded: {indicator_id}")
        known = {q.name: _answer_so_far(connection, q, indicator_id) for q in QUESTIONS}
        changed = {FIELDS[name][0].name: FIELDS[name][0] for name in labels}
        for question in changed.values():
            said = {field: value for name, value in labels.items() for q, field in [FIELDS[name]] if q is question}
            known[question.name] = _changed(question, known[question.name], said)
        _refuse_contradictions(known, changed)
        for question in changed.values():
            answer = known[question.name]
            assert answer is not None
            _write(connection, question, indicator_id, fingerprint, answer)
    return list(changed)


def _answer_so_far(connection: Connection, question: Question[Any], indicator_id: str) -> StageResult | None:
    """What the stage's table has, else what waits for review: the rules' answer, since the other contradicts."""
    fields = ", ".join(question.result.model_fields)
    row = (
        connection.execute(
            text(f"SELECT {fields} FROM {question.table} WHERE indicator_id = :id"), {"id": indicator_id}
        )
        .mappings()
        .first()
    )
    waiting = connection.scalar(
        text("SELECT by_rules FROM review_items WHERE indicator_id = :id AND stage = :stage AND kind = :kind"),
        {"id": indicator_id, "stage": question.name, "kind": "contradiction"},
    )
    found = waiting or (dict(row) if row else None)
    return question.result.model_validate(found) if found else None


def _changed(question: Question[Any], before: StageResult | None, said: Mapping[str, str]) -> StageResult:
    fields = question.result.model_fields
    known = before.model_dump() if before else {"original_units": None, "parsed_scale": None, "parsed_currency": None}
    by_person = {name: value for name, value in (_BY_A_PERSON | _SURE).items() if name in fields}
    values = {name: value or None for name, value in said.items()}
    try:
        result: StageResult = question.result.model_validate(
            {**{name: value for name, value in known.items() if name in fields}, **by_person, **values}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        reason = "is needed too" if first["type"] == "missing" else first["msg"]
        raise UserError(f"{saved_name(question, field)}: {reason}") from None
    return result


def _refuse_contradictions(known: Mapping[str, StageResult | None], changed: Mapping[str, Question[Any]]) -> None:
    findings = Findings()
    for question in QUESTIONS:
        answer = known[question.name]
        if answer is None:
            if question.name in changed or question.name == QUESTIONS[0].name:
                raise UserError("it has no answers yet to be corrected: classify it first")
            continue
        try:
            complaint = question.prompt and question.prompt.contradiction(answer, findings)
        except KeyError:  # an earlier stage has no answer yet, so nothing to contradict
            complaint = None
        if complaint:
            raise UserError(f"{complaint} Correct both.")
        findings = findings.adding(answer)


def _write(
    connection: Connection, question: Question[Any], indicator_id: str, fingerprint: str, answer: StageResult
) -> None:
    values = {"id": indicator_id, **answer.model_dump(mode="json")}
    fields = list(question.result.model_fields)
    connection.execute(
        text("""
            INSERT INTO corrections (indicator_id, stage, fingerprint, answer)
            VALUES (:id, :stage, :fingerprint, CAST(:answer AS jsonb))
            ON CONFLICT (indicator_id, stage) DO UPDATE SET fingerprint = excluded.fingerprint,
                answer = excluded.answer, overruled_by = NULL, created_at = now()
        """),
        {
            "id": indicator_id,
            "stage": question.name,
            "fingerprint": fingerprint,
            "answer": json.dumps(answer.model_dump(mode="json")),
        },
    )
    kept = ", ".join(f"{field} = :{field}" for field in fields)
    connection.execute(text(f"UPDATE {question.table} SET {kept}, updated_at = now() WHERE indicator_id = :id"), values)
    saved = [f"{saved_name(question, field)} = :{field}" for field in fields]
    if isinstance(answer, Normalization):
        saved.append("is_currency_denominated = :is_money")
        values["is_money"] = is_currency_denominated(answer)
    connection.execute(
        text(f"UPDATE classifications SET {', '.join(saved)}, updated_at = now() WHERE indicator_id = :id"), values
    )
    connection.execute(
        text("""
            UPDATE review_items SET status = 'corrected', decided_at = now()
            WHERE indicator_id = :id AND stage = :stage
        """),
        {"id": indicator_id, "stage": question.name},
    )
