"""`llm_calls`: every call of an LLM, with its tokens and its money, whatever came of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import text

from classify.providers.base import Call
from classify.store.engine import engine

RECORD = """
    INSERT INTO llm_calls (run_id, indicator_id, stage, model, prompt_tokens, cached_tokens, completion_tokens,
        cost_usd, latency_ms, outcome)
    SELECT :run_id, :indicator_id, :stage, called.* FROM jsonb_to_recordset(CAST(:calls AS jsonb)) AS called
        (model text, prompt_tokens integer, cached_tokens integer, completion_tokens integer, cost_usd numeric,
         latency_ms double precision, outcome text)
"""
"""Part of a statement with the parameters run_id, indicator_id, stage and calls."""


def as_json(calls: Sequence[Call]) -> str:
    """Calls as the parameter of `RECORD`."""
    return json.dumps([asdict(call) for call in calls])


def record(run_id: str, indicator_id: str, stage: str, calls: Sequence[Call]) -> None:
    """Record calls that led to no result."""
    values = {"run_id": run_id, "indicator_id": indicator_id, "stage": stage, "calls": as_json(calls)}
    with engine().connect() as connection:
        connection.execute(text(RECORD), values)


def spent(run_id: str) -> float:
    """What a run has cost so far, in USD."""
    with engine().connect() as connection:
        statement = text("SELECT coalesce(sum(cost_usd), 0)::float FROM llm_calls WHERE run_id = :run_id")
        return float(connection.scalar(statement, {"run_id": run_id}) or 0)


def latency_s(run_id: str) -> dict[str, float | None]:
    """Seconds that the answered calls of a run took: `mean`, `p50`, `p99`; None when there were none."""
    statement = text("""
        SELECT avg(latency_ms) / 1000 AS mean,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) / 1000 AS p50,
               percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms) / 1000 AS p99
        FROM llm_calls WHERE run_id = :run_id AND outcome = 'ok'
    """)
    with engine().connect() as connection:
        row = connection.execute(statement, {"run_id": run_id}).mappings().one()
    return {name: None if value is None else round(float(value), 3) for name, value in row.items()}
