"""A run at a glance: what a watcher asks every second, and what must therefore cost the database next to nothing.

What is done has passed every stage, so only what is on its way is looked up in the stages' tables: by their primary
keys, and there are never many.
"""

from dataclasses import dataclass

from sqlalchemy import text

from classify.stages import QUESTIONS, STAGES
from classify.store.engine import engine
from classify.store.runs import Counts

NOW_S = 10
"""Seconds that "now" means where a rate is measured."""


@dataclass(frozen=True)
class Failure:
    """The latest failure of a run."""

    indicator_id: str
    stage: str
    error: str
    message: str


@dataclass(frozen=True)
class Spending:
    """What a run took of an LLM so far; `retries` are calls whose answer was no use."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Glance:
    """Where a run stands.

    Parameters
    ----------
    stages
        Stage → indicators that have its answer of this run; the last stage is what is done.
    workers
        Worker → indicators that it has finished.
    last_minute, last_now
        Indicators done in the last 60 and `NOW_S` seconds.
    active_s, worked_s
        Seconds since the first was admitted; and from then to the last that was done. 0 before.
    """

    counts: Counts
    stages: dict[str, int]
    workers: dict[str, int]
    last_minute: int
    last_now: int
    active_s: float
    worked_s: float
    spending: Spending
    failure: Failure | None

    @property
    def minute_ipm(self) -> float:
        """Indicators a minute over the last minute, or since the first was admitted."""
        return 60 * self.last_minute / min(60.0, self.active_s) if self.active_s >= 1 else 0.0

    @property
    def now_ipm(self) -> float:
        """Indicators a minute over the last `NOW_S` seconds, or since the first was admitted."""
        return 60 * self.last_now / min(float(NOW_S), self.active_s) if self.active_s >= 1 else 0.0


_LEDGER = f"""
    SELECT status, CASE WHEN status = 'done' THEN worker END AS worker, count(*) AS n,
        count(*) FILTER (WHERE status = 'done' AND finished_at > now() - interval '60 s') AS last_minute,
        count(*) FILTER (WHERE status = 'done' AND finished_at > now() - interval '{NOW_S} s') AS last_now,
        min(admitted_at) AS began, max(finished_at) FILTER (WHERE status = 'done') AS ended, now() AS now
    FROM run_indicators WHERE run_id = :run_id GROUP BY 1, 2
"""
_ON_THEIR_WAY = f"""
    SELECT {", ".join(f"count({q.table}.run_id) AS {q.name}" for q in QUESTIONS)}
    FROM (SELECT indicator_id, run_id FROM run_indicators
          WHERE run_id = :run_id AND status <> 'done' AND attempts > 0) AS way
    {" ".join(f"LEFT JOIN {q.table} USING (indicator_id, run_id)" for q in QUESTIONS)}
"""
_SPENDING = """
    SELECT count(*) AS calls, count(*) FILTER (WHERE outcome <> 'ok') AS retries,
        coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
        coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
        coalesce(sum(completion_tokens), 0)::bigint AS completion_tokens, coalesce(sum(cost_usd), 0)::float AS cost_usd
    FROM llm_calls WHERE run_id = :run_id
"""
_FAILURE = """
    SELECT indicator_id, stage, error_class AS error, message FROM failed_indicators
    WHERE run_id = :run_id ORDER BY created_at DESC LIMIT 1
"""


def glance(run_id: str) -> Glance:
    """Look at a run once."""
    key = {"run_id": run_id}
    with engine().connect() as connection:
        rows = connection.execute(text(_LEDGER), key).all()
        way = connection.execute(text(_ON_THEIR_WAY), key).mappings().one()
        spending = Spending(**connection.execute(text(_SPENDING), key).mappings().one())
        failure = connection.execute(text(_FAILURE), key).mappings().first()
    by_status = dict.fromkeys(("queued", "admitted", "done", "failed"), 0)
    for row in rows:
        by_status[row.status] += row.n
    done = by_status["done"]
    began = min((row.began for row in rows if row.began), default=None)
    ended = max((row.ended for row in rows if row.ended), default=None)
    return Glance(
        counts=Counts(**by_status),
        stages={s.name: done + way[s.name] if s.name in way else done for s in STAGES},
        workers={row.worker: row.n for row in rows if row.worker},
        last_minute=sum(row.last_minute for row in rows),
        last_now=sum(row.last_now for row in rows),
        active_s=(rows[0].now - began).total_seconds() if began else 0.0,
        worked_s=(ended - began).total_seconds() if began and ended else 0.0,
        spending=spending,
        failure=Failure(**failure) if failure else None,
    )
