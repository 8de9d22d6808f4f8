"""What the ledger says of all runs that are on, together: what the reconciler compares with what it finds alive."""

from dataclasses import dataclass

from sqlalchemy import text

from classify.stages import QUESTIONS
from classify.store.engine import engine


@dataclass(frozen=True)
class Open:
    """A run that is on, and how many of its indicators are neither done nor failed."""

    run_id: str
    target_ipm: float
    unfinished: int


def open_runs() -> list[Open]:
    """The runs that are on, the latest first."""
    statement = text("""
        SELECT run_id, target_ipm, (
            SELECT count(*) FROM run_indicators AS ledger
            WHERE ledger.run_id = runs.run_id AND ledger.status IN ('queued', 'admitted')) AS unfinished
        FROM runs WHERE status = 'running' ORDER BY created_at DESC
    """)
    with engine().connect() as connection:
        return [Open(**row) for row in connection.execute(statement).mappings()]


def unfinished() -> set[tuple[str, str]]:
    """The run and the indicator of everything that is neither done nor failed, in runs that are on."""
    statement = text("""
        SELECT run_id, indicator_id FROM run_indicators JOIN runs USING (run_id)
        WHERE run_indicators.status IN ('queued', 'admitted') AND runs.status = 'running'
    """)
    with engine().connect() as connection:
        return {(run_id, indicator_id) for run_id, indicator_id in connection.execute(statement)}


def admitted() -> dict[str, bool]:
    """The indicators in flight by the ledger → whether the first stage has answered, in runs that are on."""
    statement = text(f"""
        SELECT indicator_id, EXISTS (
            SELECT FROM {QUESTIONS[0].table} AS first
            WHERE first.indicator_id = run_indicators.indicator_id AND first.run_id = run_indicators.run_id)
        FROM run_indicators JOIN runs USING (run_id)
        WHERE run_indicators.status = 'admitted' AND runs.status = 'running'
    """)
    with engine().connect() as connection:
        return dict(map(tuple, connection.execute(statement)))
