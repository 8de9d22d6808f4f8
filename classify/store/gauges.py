"""Sums over all runs that a metrics system wants: what only grows, and how latencies are distributed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from classify.store.engine import engine

CALL_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
INDICATOR_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0)


@dataclass(frozen=True)
class Distribution:
    """Of a latency: how many took at most each bound, all of them, and their sum in seconds."""

    at_most: tuple[int, ...]
    count: int
    sum_s: float


@dataclass(frozen=True)
class Calls:
    """Calls of a stage, a model and an outcome."""

    stage: str
    model: str
    outcome: str
    count: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float


@dataclass(frozen=True)
class Gauges:
    """The sums.

    Parameters
    ----------
    indicators
        Status of the ledger → indicators, over all runs.
    workers
        Worker → indicators that it has finished.
    stages
        Stage → latency of its calls of an LLM.
    whole
        From admission to the end.
    """

    indicators: dict[str, int]
    workers: dict[str, int]
    calls: list[Calls]
    stages: dict[str, Distribution]
    whole: Distribution


def gauges() -> Gauges:
    """Sum up.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        When the database is away.
    """
    with engine().connect() as connection:
        ledger = connection.execute(
            text("SELECT status, worker, count(*) AS n FROM run_indicators GROUP BY status, worker")
        ).all()
        calls = connection.execute(
            text("""
                SELECT stage, model, outcome, count(*) AS count, sum(prompt_tokens)::bigint AS prompt_tokens,
                    sum(cached_tokens)::bigint AS cached_tokens, sum(completion_tokens)::bigint AS completion_tokens,
                    sum(cost_usd)::float AS cost_usd
                FROM llm_calls GROUP BY stage, model, outcome ORDER BY stage, model, outcome
            """)
        )
        indicators = dict.fromkeys(("queued", "admitted", "done", "failed"), 0)
        workers: dict[str, int] = {}
        for row in ledger:
            indicators[row.status] += row.n
            if row.status == "done" and row.worker:
                workers[row.worker] = workers.get(row.worker, 0) + row.n
        return Gauges(
            indicators=indicators,
            workers=workers,
            calls=[Calls(**row) for row in calls.mappings()],
            stages=_distributions(connection, "latency_ms / 1000", CALL_BOUNDS_S, "llm_calls", "stage"),
            whole=_distributions(
                connection,
                "extract(epoch FROM finished_at - admitted_at)::float",
                INDICATOR_BOUNDS_S,
                "run_indicators WHERE status = 'done'",
                "'all'",
            ).get("all", Distribution((0,) * len(INDICATOR_BOUNDS_S), 0, 0.0)),
        )


def _distributions(
    connection: Connection, seconds: str, bounds: Sequence[float], source: str, by: str
) -> dict[str, Distribution]:
    buckets = ", ".join(f"count(*) FILTER (WHERE {seconds} <= {bound})" for bound in bounds)
    statement = text(f"SELECT {by}, ARRAY[{buckets}], count(*), coalesce(sum({seconds}), 0) FROM {source} GROUP BY 1")
    rows = connection.execute(statement)
    return {name: Distribution(tuple(at_most), count, total) for name, at_most, count, total in rows}
