"""What a page about a run draws: distributions and courses over time, counted by the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from classify.stages import QUESTIONS
from classify.store.engine import engine
from classify.store.reviews import Item
from classify.store.tables import saved_name

BINS = 10
"""Of a distribution of confidence, from 0 to 1."""
COLUMNS = 90
"""Of a course over time, at the most."""
_WORTH_A_COLUMN = 20
"""Indicators that the target makes in a column, at the least: fewer would show chance and not the pace."""
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_EXAMPLES = 12

_CONFIDENCE = {
    q.name: saved_name(q, field) for q in QUESTIONS for field in q.result.model_fields if field.endswith("confidence")
}


@dataclass(frozen=True)
class Course:
    """Indicators finished over time.

    Parameters
    ----------
    began
        When the first indicator was admitted; None while none was.
    width_s
        Seconds a column.
    counts
        Done in each column, from `began` on; the last one is not over or not full.
    """

    began: datetime | None
    width_s: int
    counts: list[int]


@dataclass(frozen=True)
class Latency:
    """How long something took: percentiles in seconds, of `count`."""

    name: str
    count: int
    p50: float
    p90: float
    p99: float


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn of one run.

    Parameters
    ----------
    course
        Completed over time.
    indicator
        From admission to the end; None while none is done.
    stages
        One call of an LLM, stage by stage in their order; empty where none was asked.
    families
        Family → type → rows, the largest first.
    labels
        Column → label → rows, the largest first.
    confidence
        Stage → rows in each of `BINS` steps from 0 to 1.
    rows
        Rows of `classifications` that are this run's still: a later run may have replaced some.
    reviews
        (stage, kind, status) → entries of the review list.
    examples
        Some open entries, contradictions first.
    """

    course: Course
    indicator: Latency | None
    stages: list[Latency]
    families: dict[str, dict[str, int]]
    labels: dict[str, dict[str, int]]
    confidence: dict[str, list[int]]
    rows: int
    reviews: dict[tuple[str, str, str], int]
    examples: list[Item]


def picture(run_id: str) -> Picture:
    """Count what there is to draw of a run."""
    key = {"run_id": run_id}
    with engine().connect() as connection:
        families = _families(connection, key)
        return Picture(
            course=_course(connection, key),
            indicator=_indicator(connection, key),
            stages=_stages(connection, key),
            families=families,
            labels={
                column: _labels(connection, key, column)
                for column in ("heat_map_orientation", "temporal_aggregation", "reporting_frequency", "pattern_type")
            },
            confidence=_confidence(connection, key),
            rows=sum(sum(types.values()) for types in families.values()),
            reviews=_reviews(connection, key),
            examples=_examples(connection, key),
        )


def _course(connection: Connection, key: dict[str, Any]) -> Course:
    began, lasted = connection.execute(
        text("""
            SELECT min(admitted_at), extract(epoch FROM max(finished_at) - min(admitted_at))::float
            FROM run_indicators WHERE run_id = :run_id
        """),
        key,
    ).one()
    lasted = lasted or 0.0
    target = connection.scalar(text("SELECT target_ipm FROM runs WHERE run_id = :run_id"), key) or 1
    least = min(max(lasted / COLUMNS, 60 * _WORTH_A_COLUMN / target), max(1, lasted / 12))
    width = next((w for w in _WIDTHS_S if w >= least), int(lasted // COLUMNS + 1))
    rows = connection.execute(
        text("""
            SELECT floor(extract(epoch FROM finished_at - CAST(:began AS timestamptz)) / :width)::int, count(*)
            FROM run_indicators WHERE run_id = :run_id AND status = 'done' AND finished_at >= :began GROUP BY 1
        """),
        {**key, "began": began, "width": width},
    )
    by_column = {int(column): int(count) for column, count in rows}
    return Course(began, width, [by_column.get(i, 0) for i in range(max(by_column, default=-1) + 1)])


_PERCENTILES = "percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP"


def _indicator(connection: Connection, key: dict[str, Any]) -> Latency | None:
    count, found = connection.execute(
        text(f"""
            SELECT count(*), {_PERCENTILES} (ORDER BY extract(epoch FROM finished_at - admitted_at)::float)
            FROM run_indicators WHERE run_id = :run_id AND status = 'done'
        """),
        key,
    ).one()
    return Latency("indicator", count, *found) if count else None


def _stages(connection: Connection, key: dict[str, Any]) -> list[Latency]:
    rows = connection.execute(
        text(f"""
            SELECT stage, count(*), {_PERCENTILES} (ORDER BY latency_ms / 1000)
            FROM llm_calls WHERE run_id = :run_id GROUP BY stage
        """),
        key,
    ).all()
    found = {stage: Latency(stage, count, *percentiles) for stage, count, percentiles in rows}
    return [found[q.name] for q in QUESTIONS if q.name in found]


def _families(connection: Connection, key: dict[str, Any]) -> dict[str, dict[str, int]]:
    rows = connection.execute(
        text("""
            SELECT family, indicator_type, count(*) FROM classifications WHERE run_id = :run_id
            GROUP BY family, indicator_type
            ORDER BY sum(count(*)) OVER (PARTITION BY family) DESC, family, count(*) DESC, indicator_type
        """),
        key,
    )
    found: dict[str, dict[str, int]] = {}
    for family, kind, count in rows:
        found.setdefault(family, {})[kind] = count
    return found


def _labels(connection: Connection, key: dict[str, Any], column: str) -> dict[str, int]:
    rows = connection.execute(
        text(f"""
            SELECT {column}, count(*) FROM classifications WHERE run_id = :run_id
            GROUP BY 1 ORDER BY count(*) DESC, 1
        """),
        key,
    )
    return dict(map(tuple, rows))


def _confidence(connection: Connection, key: dict[str, Any]) -> dict[str, list[int]]:
    parts = " UNION ALL ".join(
        f"SELECT '{stage}' AS stage, least(floor({column} * {BINS})::int, {BINS - 1}) AS bin FROM mine"
        for stage, column in _CONFIDENCE.items()
    )
    mine = f"SELECT {', '.join(_CONFIDENCE.values())} FROM classifications WHERE run_id = :run_id"
    rows = connection.execute(
        text(f"WITH mine AS ({mine}) SELECT stage, bin, count(*) FROM ({parts}) AS bins GROUP BY stage, bin"), key
    )
    found = {stage: [0] * BINS for stage in _CONFIDENCE}
    for stage, step, count in rows:
        found[stage][step] = count
    return found


def _reviews(connection: Connection, key: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    rows = connection.execute(
        text("""
            SELECT stage, kind, status, count(*) FROM review_items WHERE run_id = :run_id
            GROUP BY stage, kind, status ORDER BY kind, count(*) DESC, stage
        """),
        key,
    )
    return {(stage, kind, status): count for stage, kind, status, count in rows}


def _examples(connection: Connection, key: dict[str, Any]) -> list[Item]:
    rows = connection.execute(
        text("""
            SELECT indicator_id, source.name, stage, kind, answer, by_rules, complaint, status, run_id, item.created_at
            FROM review_items AS item JOIN source_indicators AS source ON source.id = indicator_id
            WHERE run_id = :run_id AND status = 'open'
            ORDER BY kind, CAST(by_rules ->> 'confidence' AS float) DESC NULLS LAST, source.position, stage
            LIMIT :examples
        """),
        {**key, "examples": _EXAMPLES},
    )
    return [Item(**row) for row in rows.mappings()]
