"""What can be said of a run, by counting rows: the proof (`verify`) and the account (`report`)."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, text

from classify.stages import QUESTIONS
from classify.store import money
from classify.store.engine import engine
from classify.store.runs import Run


@dataclass(frozen=True)
class Verification:
    """Whether every indicator is there exactly once; counts are rows.

    Parameters
    ----------
    run_id
        None for the whole database.
    source
        Rows of the run's ledger; of `source_indicators` for the whole database.
    stage_rows
        Table → rows of these indicators.
    """

    run_id: str | None
    source: int
    classified: int
    distinct: int
    duplicates: int
    missing: int
    failed: int
    stage_rows: dict[str, int]

    @property
    def ok(self) -> bool:
        """All classified, none twice, and every stage's table as long as the others."""
        return (
            self.missing == self.failed == self.duplicates == 0
            and self.classified == self.source
            and set(self.stage_rows.values()) <= {self.source}
        )


def verify(run_id: str | None) -> Verification:
    """Count the rows of the run's indicators in every table; of the whole database when `run_id` is None."""
    scope = "SELECT indicator_id AS id, status FROM run_indicators WHERE run_id = :run_id"
    if run_id is None:
        # Over all runs, an indicator has failed when its latest attempt did.
        scope = """
            SELECT id, (SELECT entry.status FROM run_indicators AS entry JOIN runs USING (run_id)
                        WHERE entry.indicator_id = id ORDER BY runs.created_at DESC LIMIT 1) AS status
            FROM source_indicators
        """
    tables = {
        q.table: f"SELECT count(*) FROM {q.table} WHERE indicator_id IN (SELECT id FROM scope)" for q in QUESTIONS
    }
    statement = text(f"""
        WITH scope AS MATERIALIZED ({scope}),
             found AS (SELECT indicator_id FROM classifications WHERE indicator_id IN (SELECT id FROM scope))
        SELECT (SELECT count(*) FROM scope) AS source,
               (SELECT count(*) FROM scope WHERE status = 'failed') AS failed,
               (SELECT count(*) FROM found) AS classified,
               (SELECT count(DISTINCT indicator_id) FROM found) AS distinct_ids,
               (SELECT count(*) FROM scope WHERE id NOT IN (SELECT indicator_id FROM found)) AS missing,
               {", ".join(f"({query}) AS {table}" for table, query in tables.items())}
    """)
    with engine().connect() as connection:
        row = connection.execute(statement, {} if run_id is None else {"run_id": run_id}).mappings().one()
    return Verification(
        run_id=run_id,
        source=row["source"],
        classified=row["classified"],
        distinct=row["distinct_ids"],
        duplicates=row["classified"] - row["distinct_ids"],
        missing=row["missing"],
        failed=row["failed"],
        stage_rows={table: row[table] for table in tables},
    )


_IPM = """
    SELECT CASE WHEN upper > lower
           THEN 60 * (SELECT count(*) FROM times WHERE at > lower AND at <= upper)
                / extract(epoch FROM upper - lower) END::float
    FROM (SELECT percentile_disc(0.05) WITHIN GROUP (ORDER BY at) AS lower,
                 percentile_disc(0.95) WITHIN GROUP (ORDER BY at) AS upper FROM times) AS steady
"""


def _ipm(connection: Connection, run_id: str, column: str) -> float | None:
    """Indicators a minute over the steady part: without the first and the last twentieth. None when too few to say."""
    which = "status = 'done'" if column == "finished_at" else f"{column} IS NOT NULL"  # to fail is not to complete
    times = f"SELECT {column} AS at FROM run_indicators WHERE run_id = :run_id AND {which}"
    rate: float | None = connection.scalar(text(f"WITH times AS ({times}) {_IPM}"), {"run_id": run_id})
    return rate


_WORST_WINDOW = """
    WITH done AS (SELECT finished_at AS at FROM run_indicators WHERE run_id = :run_id AND status = 'done'),
         steady AS (SELECT percentile_disc(0.05) WITHIN GROUP (ORDER BY at) AS lower,
                           percentile_disc(0.95) WITHIN GROUP (ORDER BY at) AS upper FROM done),
         seconds AS (SELECT generate_series(0, extract(epoch FROM upper - lower)::int - 1) AS second FROM steady),
         tally AS (SELECT floor(extract(epoch FROM at - lower))::int AS second, count(*) AS n
                   FROM done, steady WHERE at BETWEEN lower AND upper GROUP BY 1),
         sliding AS (SELECT second, sum(coalesce(n, 0)) OVER (ORDER BY second ROWS 9 PRECEDING) AS n
                     FROM seconds LEFT JOIN tally USING (second))
    SELECT 6 * min(n)::float FROM sliding WHERE second >= 9
"""


def _worst_window_ipm(connection: Connection, run_id: str) -> float | None:
    """The slowest ten seconds of the steady part, as indicators a minute; None when it is shorter than that."""
    worst: float | None = connection.scalar(text(_WORST_WINDOW), {"run_id": run_id})
    return worst


_TALLIES = ("llm_calls", "prompt_tokens", "cached_tokens", "completion_tokens")


def report(run: Run) -> dict[str, Any]:
    """The account of a run, under the keys that others rely on; rates in indicators a minute, times in seconds."""
    key = {"run_id": run.run_id}
    with engine().connect() as connection:
        ledger = (
            connection.execute(
                text("""
                    SELECT count(*) FILTER (WHERE status = 'done') AS completed,
                           count(*) FILTER (WHERE status = 'failed') AS failed,
                           percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP
                               (ORDER BY extract(epoch FROM finished_at - admitted_at))
                               FILTER (WHERE status = 'done') AS latency
                    FROM run_indicators WHERE run_id = :run_id
                """),
                key,
            )
            .mappings()
            .one()
        )
        workers = connection.execute(
            text("""
                SELECT worker, count(*) FROM run_indicators WHERE run_id = :run_id AND status = 'done'
                GROUP BY worker ORDER BY worker
            """),
            key,
        ).all()
        failures = connection.execute(
            text("""
                SELECT stage, error_class, min(message), count(*) FROM failed_indicators WHERE run_id = :run_id
                GROUP BY stage, error_class ORDER BY count(*) DESC
            """),
            key,
        ).all()
        admitted_ipm = _ipm(connection, run.run_id, "admitted_at")
        completed_ipm = _ipm(connection, run.run_id, "finished_at")
        worst_ipm = _worst_window_ipm(connection, run.run_id)
    stages = money.by_stage(run.run_id)
    cost_usd = sum(stage["cost_usd"] for stage in stages.values())
    p50, p99 = ledger["latency"] or (None, None)
    until: datetime = run.finished_at or datetime.now(timezone.utc)
    completed = ledger["completed"]
    return {
        "run_id": run.run_id,
        "status": run.status,
        "reason": run.reason,
        "provider": run.provider,
        "model": run.model,
        "total": run.total,
        "completed": completed,
        "failed": ledger["failed"],
        "target_ipm": run.target_ipm,
        "admitted_ipm": _rounded(admitted_ipm, 1),
        "completed_ipm": _rounded(completed_ipm, 1),
        "worst_10s_ipm": _rounded(worst_ipm, 1),
        "elapsed_s": _rounded((until - run.created_at).total_seconds(), 2),
        **{k: sum(stage[k] for stage in stages.values()) for k in _TALLIES},
        "cost_usd": cost_usd,
        "cost_per_1000_usd": 1000 * cost_usd / completed if completed else 0.0,
        "workers": dict(map(tuple, workers)),
        "latency_s": {"p50": _rounded(p50, 3), "p99": _rounded(p99, 3)},
        "stages": stages,
        "outcomes": money.by_outcome(run.run_id),
        "failures": [
            {"stage": stage, "error": error, "message": message, "count": n} for stage, error, message, n in failures
        ],
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
