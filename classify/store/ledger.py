"""What the ledger says of all runs together: what is on, what was halted, what is given up."""

from dataclasses import dataclass

from sqlalchemy import text

from classify.stages import QUESTIONS
from classify.store.engine import engine
from classify.store.runs import HOPELESS


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


def halted(provider: str) -> list[str]:
    """The halted runs that may go on, oldest first: none of what they left undone was taken up by a later run."""
    statement = text("""
        SELECT run_id FROM runs
        WHERE status = 'halted' AND provider = :provider
          AND EXISTS (SELECT FROM run_indicators AS ledger
                      WHERE ledger.run_id = runs.run_id AND ledger.status IN ('queued', 'admitted'))
          AND NOT EXISTS (
              SELECT FROM run_indicators AS ledger
              JOIN run_indicators AS other ON other.indicator_id = ledger.indicator_id
              JOIN runs AS later ON later.run_id = other.run_id
              WHERE ledger.run_id = runs.run_id AND ledger.status IN ('queued', 'admitted')
                AND later.created_at > runs.created_at)
        ORDER BY created_at
    """)
    with engine().connect() as connection:
        return list(connection.scalars(statement, {"provider": provider}))


def given_up(most_failures: int) -> int:
    """How many indicators have no up-to-date classification since they failed so often by themselves."""
    statement = text(f"""
        SELECT count(*) FROM source_indicators AS source
        LEFT JOIN classifications AS known ON known.indicator_id = source.id
        WHERE known.fingerprint IS DISTINCT FROM source.fingerprint
          AND (source.id, source.fingerprint) IN ({HOPELESS})
    """)
    with engine().connect() as connection:
        return connection.scalar(statement, {"most_failures": most_failures}) or 0
