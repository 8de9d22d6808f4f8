"""What runs took of an LLM, by stage: for the account of one run, and to project from many to the next."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from classify.store.engine import engine

_SUMS = """
    count(*) AS llm_calls, coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
    coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
    coalesce(sum(completion_tokens), 0)::bigint AS completion_tokens, coalesce(sum(cost_usd), 0)::float AS cost_usd
"""


def by_stage(run_id: str) -> dict[str, dict[str, Any]]:
    """Stage → calls, tokens and USD of a run, the dearest first."""
    statement = text(f"""
        SELECT stage, {_SUMS} FROM llm_calls WHERE run_id = :run_id GROUP BY stage ORDER BY cost_usd DESC, stage
    """)
    with engine().connect() as connection:
        rows = connection.execute(statement, {"run_id": run_id}).mappings()
        return {row["stage"]: {name: value for name, value in row.items() if name != "stage"} for row in rows}


def by_outcome(run_id: str) -> dict[str, int]:
    """Outcome → calls of a run, the most frequent first."""
    statement = text("""
        SELECT outcome, count(*) FROM llm_calls WHERE run_id = :run_id GROUP BY outcome ORDER BY count(*) DESC, outcome
    """)
    with engine().connect() as connection:
        return dict(map(tuple, connection.execute(statement, {"run_id": run_id})))


@dataclass(frozen=True)
class Measured:
    """What the latest runs of a provider took; `stages` as `by_stage`, over all of them.

    Parameters
    ----------
    runs, indicators
        How many runs, and how many indicators they completed.
    models
        Who answered.
    latency_s
        Mean seconds of an answered call; None when none was.
    """

    runs: int
    indicators: int
    models: list[str]
    latency_s: float | None
    stages: dict[str, dict[str, Any]]


def measured(provider: str, runs: int = 5) -> Measured | None:
    """The latest runs of a provider that asked an LLM, ended ones; None when there are none."""
    latest = """
        SELECT run_id, model, completed FROM runs
        WHERE provider = :provider AND status = 'done' AND completed > 0
          AND EXISTS (SELECT FROM llm_calls WHERE llm_calls.run_id = runs.run_id)
        ORDER BY created_at DESC LIMIT :runs
    """
    values = {"provider": provider, "runs": runs}
    with engine().connect() as connection:
        found = connection.execute(text(latest), values).all()
        if not found:
            return None
        statement = text(f"SELECT stage, {_SUMS} FROM llm_calls WHERE run_id = ANY(:ids) GROUP BY stage ORDER BY stage")
        ids = {"ids": [row.run_id for row in found]}
        rows = connection.execute(statement, ids).mappings().all()
        answered = "SELECT avg(latency_ms) / 1000 FROM llm_calls WHERE run_id = ANY(:ids) AND outcome = 'ok'"
        latency_s = connection.scalar(text(answered), ids)
    return Measured(
        runs=len(found),
        indicators=sum(row.completed for row in found),
        models=sorted({row.model for row in found}),
        latency_s=None if latency_s is None else float(latency_s),
        stages={row["stage"]: {name: value for name, value in row.items() if name != "stage"} for row in rows},
    )
