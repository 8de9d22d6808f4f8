"""The ledger: `runs`, and in `run_indicators` what became of every indicator of each.

A run is opened with all its indicators in one transaction before the first message is sent; so whatever is lost
on the way, the ledger knows what was promised.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timezone

from sqlalchemy import Connection, text

from classify.errors import UserError
from classify.store.engine import engine, transactions
from classify.store.prepared import Prepared
from config.visible import in_one_line


@dataclass(frozen=True)
class Run:
    """One batch, as the table has it."""

    run_id: str
    status: str
    reason: str | None
    target_ipm: float
    max_cost_usd: float | None
    provider: str
    model: str
    total: int
    completed: int
    failed: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Selection:
    """Which indicators a run takes: by default those without a classification, or changed since.

    Parameters
    ----------
    ids
        Only these.
    force
        Also those whose classification is up to date, and over what people have corrected.
    limit
        At most so many, in the order of first loading.
    most_failures
        None that has failed so often as it is, and by itself: unusable answers, refusals, workers that it killed.
        None takes them however often they failed.
    """

    ids: Sequence[str] | None = None
    force: bool = False
    limit: int | None = None
    most_failures: int | None = None


_COLUMNS = ", ".join(field.name for field in fields(Run))

HOPELESS = """
    SELECT ledger.indicator_id, ledger.fingerprint
    FROM run_indicators AS ledger JOIN failed_indicators AS failure USING (run_id, indicator_id)
    WHERE ledger.status = 'failed' AND failure.error_class IN ('BadAnswerError', 'RefusedError', 'PoisonError')
    GROUP BY ledger.indicator_id, ledger.fingerprint HAVING count(*) >= :most_failures
"""
"""Indicators, as they were, that failed so often and not because something was out of order around them."""

# What another unfinished run has in hand is left to it: two runs at once would pay twice for the same answer.
_OPEN = f"""
    WITH chosen AS (
        INSERT INTO run_indicators (run_id, indicator_id, fingerprint)
        SELECT :run_id, source.id, source.fingerprint
        FROM source_indicators AS source
        LEFT JOIN classifications AS known ON known.indicator_id = source.id
        WHERE (:force OR known.fingerprint IS DISTINCT FROM source.fingerprint)
          AND (CAST(:ids AS text[]) IS NULL OR source.id = ANY(:ids))
          AND (CAST(:most_failures AS integer) IS NULL OR (source.id, source.fingerprint) NOT IN ({HOPELESS}))
          AND NOT EXISTS (
              SELECT FROM run_indicators AS other JOIN runs USING (run_id)
              WHERE other.indicator_id = source.id AND other.status IN ('queued', 'admitted')
                AND runs.status = 'running')
        ORDER BY source.position
        LIMIT :limit
        RETURNING indicator_id
    ), overruled AS (
        UPDATE corrections SET overruled_by = :run_id
        WHERE :force AND overruled_by IS NULL AND indicator_id IN (SELECT indicator_id FROM chosen)
    )
    UPDATE runs SET total = (SELECT count(*) FROM chosen) WHERE run_id = :run_id RETURNING total
"""
ADMIT = """
    UPDATE run_indicators AS ledger
    SET status = 'admitted', admitted_at = coalesce(admitted_at, now()), attempts = attempts + 1, worker = :worker
    FROM runs
    WHERE ledger.run_id = :run_id AND indicator_id = :indicator_id AND ledger.status IN ('queued', 'admitted')
      AND runs.run_id = ledger.run_id AND runs.status = 'running'
"""
"""Part of a statement with the parameters run_id, indicator_id and worker: marks an indicator as admitted and counts
the attempt, unless the ledger has it finished already, or the run was halted."""
_STANDING = Prepared("SELECT status = 'running' AS is_on, max_cost_usd, model FROM runs WHERE run_id = :run_id")
_STANDING_S = 0.5
_RUN_LOCK = 0x72756E73


def new_run_id() -> str:
    """An id that sorts by time and that a person can type: `20261121-054512-3f9a`."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def open_run(
    selection: Selection, *, target_ipm: float, provider: str, model: str, max_cost_usd: float | None = None
) -> Run | None:
    """Open a run over what `selection` chooses, every indicator `queued` in the ledger.

    Returns
    -------
    Run or None
        None, and no trace in the tables, when nothing is to be done.
    """
    run_id = new_run_id()
    with transactions().begin() as connection:
        # One at a time: two that choose at the same moment would choose the same indicators.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _RUN_LOCK})
        connection.execute(
            text(
                "INSERT INTO runs (run_id, status, target_ipm, max_cost_usd, provider, model, total)"
                " VALUES (:run_id, 'running', :target_ipm, :max_cost_usd, :provider, :model, 0)"
            ),
            {
                "run_id": run_id,
                "target_ipm": target_ipm,
                "max_cost_usd": max_cost_usd,
                "provider": provider,
                "model": model,
            },
        )
        chosen = {
            "run_id": run_id,
            "force": selection.force,
            "ids": list(selection.ids) if selection.ids is not None else None,
            "limit": selection.limit,
            "most_failures": selection.most_failures,
        }
        if not connection.scalar(text(_OPEN), chosen):
            connection.rollback()
            return None
        return _run(connection, run_id)


def _run(connection: Connection, run_id: str) -> Run | None:
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM runs WHERE run_id = :run_id"), {"run_id": run_id}).first()
    return None if row is None else Run(**row._mapping)


def find_run(run_id: str | None = None) -> Run:
    """The run of that id, or the latest.

    Raises
    ------
    UserError
        When there is none.
    """
    with engine().connect() as connection:
        wanted = run_id or connection.scalar(text("SELECT run_id FROM runs ORDER BY created_at DESC LIMIT 1"))
        run = wanted and _run(connection, wanted)
    if not run:
        raise UserError(f"there is no run {run_id!r}" if run_id else "there is no run yet: bin/enqueue starts one")
    return run


def latest() -> Run | None:
    """The latest run, however it stands; None while there is none."""
    with engine().connect() as connection:
        run_id = connection.scalar(text("SELECT run_id FROM runs ORDER BY created_at DESC LIMIT 1"))
        return None if run_id is None else _run(connection, run_id)


def running() -> Run | None:
    """The latest run that has not ended; None when all have."""
    with engine().connect() as connection:
        latest = "SELECT run_id FROM runs WHERE status = 'running' ORDER BY created_at DESC LIMIT 1"
        run_id = connection.scalar(text(latest))
        return None if run_id is None else _run(connection, run_id)


def unfinished(run_id: str) -> list[str]:
    """Ids of the run's indicators that are neither done nor failed, in the order of loading."""
    statement = text("""
        SELECT ledger.indicator_id FROM run_indicators AS ledger
        JOIN source_indicators AS source ON source.id = ledger.indicator_id
        WHERE ledger.run_id = :run_id AND ledger.status IN ('queued', 'admitted') ORDER BY source.position
    """)
    with engine().connect() as connection:
        return list(connection.scalars(statement, {"run_id": run_id}))


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Parameters
    ----------
    is_on
        False when it was halted, or is gone.
    max_cost_usd
        What it may cost; None for no limit.
    model
        As the ledger has it.
    """

    is_on: bool
    max_cost_usd: float | None = None
    model: str | None = None


_standings: dict[str, tuple[float, Standing]] = {}


def standing(run_id: str) -> Standing:
    """How a run stands, or stood within the last half second, when it was on: every stage asks."""
    now = time.monotonic()
    known = _standings.get(run_id)
    if known and now - known[0] < _STANDING_S:
        return known[1]
    row = _STANDING.first(run_id=run_id)
    found = Standing(**row) if row else Standing(is_on=False)
    for old in [other for other, (since, _) in _standings.items() if now - since >= _STANDING_S]:
        del _standings[old]
    if found.is_on:
        _standings[run_id] = (now, found)
    return found


def fail(run_id: str, indicator_id: str, *, stage: str, error: Exception, worker: str) -> None:
    """Close an indicator's entry as failed, with the reason in `failed_indicators`, in one statement."""
    statement = text("""
        WITH failed AS (
            UPDATE run_indicators SET status = 'failed', finished_at = now(), worker = :worker
            WHERE run_id = :run_id AND indicator_id = :indicator_id AND status <> 'done'
            RETURNING run_id, indicator_id, attempts
        )
        INSERT INTO failed_indicators (run_id, indicator_id, stage, error_class, message, attempts)
        SELECT run_id, indicator_id, :stage, :error_class, :message, attempts FROM failed
        ON CONFLICT (run_id, indicator_id) DO UPDATE
        SET stage = excluded.stage, error_class = excluded.error_class, message = excluded.message,
            attempts = excluded.attempts, created_at = now()
    """)
    with engine().connect() as connection:
        connection.execute(
            statement,
            {
                "run_id": run_id,
                "indicator_id": indicator_id,
                "stage": stage,
                "error_class": type(error).__name__,
                "message": in_one_line(str(error))[:2000],
                "worker": worker,
            },
        )


def halt(run_id: str, reason: str) -> bool:
    """Stop a run, with the reason; whether it was on. What is queued or admitted stays so, for `resume`."""
    statement = text(
        "UPDATE runs SET status = 'halted', reason = :reason WHERE run_id = :run_id AND status = 'running'"
    )
    with engine().connect() as connection:
        halted = connection.execute(statement, {"run_id": run_id, "reason": in_one_line(reason)[:500]}).rowcount == 1
    _standings.pop(run_id, None)
    return halted


def name_model(run_id: str, asked_for: str, answered: str) -> None:
    """Name the model that really answers in a run, as its endpoint calls it; the first to be named stays."""
    statement = text("UPDATE runs SET model = :answered WHERE run_id = :run_id AND model = :asked_for")
    with engine().connect() as connection:
        connection.execute(statement, {"run_id": run_id, "asked_for": asked_for, "answered": answered})
    _standings.pop(run_id, None)


def resume(
    run_id: str, *, retry_failed: bool = False, target_ipm: float | None = None, max_cost_usd: float | None = None
) -> int:
    """Set a run going again; how many of its indicators are unfinished.

    Parameters
    ----------
    retry_failed
        Take those that failed as queued again.
    target_ipm, max_cost_usd
        A new target, and a new limit of its costs; None keeps the old one.
    """
    with transactions().begin() as connection:
        key = {"run_id": run_id}
        if retry_failed:
            connection.execute(
                text(
                    "UPDATE run_indicators SET status = 'queued', finished_at = NULL"
                    " WHERE run_id = :run_id AND status = 'failed'"
                ),
                key,
            )
            connection.execute(text("DELETE FROM failed_indicators WHERE run_id = :run_id"), key)
        unfinished = "SELECT count(*) FROM run_indicators WHERE run_id = :run_id AND status IN ('queued', 'admitted')"
        count = connection.scalar(text(unfinished), key) or 0
        if count:
            connection.execute(
                text(
                    "UPDATE runs SET status = 'running', reason = NULL, finished_at = NULL,"
                    " target_ipm = coalesce(:target_ipm, target_ipm),"
                    " max_cost_usd = coalesce(:max_cost_usd, max_cost_usd) WHERE run_id = :run_id"
                ),
                {**key, "target_ipm": target_ipm, "max_cost_usd": max_cost_usd},
            )
        return count


@dataclass(frozen=True)
class Counts:
    """Where the indicators of a run stand."""

    queued: int
    admitted: int
    done: int
    failed: int

    @property
    def finished(self) -> int:
        return self.done + self.failed


def counts(run_id: str) -> Counts:
    """Where the indicators of a run stand, by the ledger."""
    statement = text("SELECT status, count(*) FROM run_indicators WHERE run_id = :run_id GROUP BY status")
    with engine().connect() as connection:
        by_status = dict(map(tuple, connection.execute(statement, {"run_id": run_id})))
    return Counts(**{status: by_status.get(status, 0) for status in ("queued", "admitted", "done", "failed")})


def close_finished_runs() -> list[str]:
    """Close every running run that has nothing unfinished, with its final figures; the ids of those closed."""
    statement = text("""
        UPDATE runs SET status = 'done', completed = tally.done, failed = tally.failed, finished_at = tally.finished_at,
            cost_usd = (SELECT coalesce(sum(cost_usd), 0) FROM llm_calls WHERE llm_calls.run_id = runs.run_id)
        FROM (
            SELECT run_id, count(*) FILTER (WHERE status = 'done') AS done,
                count(*) FILTER (WHERE status = 'failed') AS failed, max(finished_at) AS finished_at
            FROM run_indicators
            WHERE run_id IN (
                SELECT run_id FROM runs WHERE status = 'running' AND NOT EXISTS (
                    SELECT FROM run_indicators AS open
                    WHERE open.run_id = runs.run_id AND open.status IN ('queued', 'admitted')))
            GROUP BY run_id
        ) AS tally
        WHERE runs.run_id = tally.run_id AND runs.status = 'running'
        RETURNING runs.run_id
    """)
    with engine().connect() as connection:
        return list(connection.scalars(statement))
