"""The tables. A stage's columns are the fields of its result model, so a name or a type is said once.

The schema in a database is made by the migrations beside this file; a test holds the two against each other.
"""

from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from classify.indicator import Indicator
from classify.stages import QUESTIONS
from classify.stages.base import Question

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

SOURCE_FIELDS: tuple[str, ...] = tuple(name for name in Indicator.model_fields if name != "id")
"""The columns that an indicator brings along, but for its id."""


def _time(name: str, *, now: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=func.now() if now else None)


def _source_columns() -> list[Column[Any]]:
    return [
        Column("sample_values", JSONB, nullable=False)
        if name == "sample_values"
        else Column(name, Text, nullable=name != "name")
        for name in SOURCE_FIELDS
    ]


def _column_of(name: str, field: FieldInfo) -> Column[Any]:
    """The column of a result's field: an enumeration is text, `X | None` is nullable."""
    kind: Any = field.annotation
    nullable = False
    if get_origin(kind) in (Union, UnionType):
        nullable = NoneType in get_args(kind)
        kind = next(k for k in get_args(kind) if k is not NoneType)
    if get_origin(kind) is Literal:
        kind = str
    return Column(name, {str: Text, float: Float, bool: Boolean, int: Integer}[kind], nullable=nullable)


def saved_name(question: Question[Any], field: str) -> str:
    """The name of a stage's field in `classifications`: the stage goes before what several stages have."""
    shared = sum(field in other.result.model_fields for other in QUESTIONS) > 1
    return f"{question.name}_{field}" if shared else field


source_indicators = Table(
    "source_indicators",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),  # the order of first loading
    *_source_columns(),
    Column("fingerprint", Text, nullable=False),
    _time("created_at", now=True),
    _time("updated_at", now=True),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("status", Text, nullable=False),  # running, done, halted
    Column("reason", Text),  # of a halt
    Column("target_ipm", Float, nullable=False),
    Column("max_cost_usd", Float),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False, server_default="0"),  # this and the next two: final once it is done
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("cost_usd", Numeric(14, 8), nullable=False, server_default="0"),
    _time("created_at", now=True),
    _time("finished_at"),
)

run_indicators = Table(
    "run_indicators",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("indicator_id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),  # queued, admitted, done, failed
    _time("admitted_at"),
    _time("finished_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
)
Index(
    "ix_run_indicators_unfinished",
    run_indicators.c.indicator_id,
    postgresql_where=run_indicators.c.status.in_(["queued", "admitted"]),
)

STAGE_TABLES: dict[str, Table] = {
    question.name: Table(
        question.table,
        metadata,
        Column("indicator_id", Text, primary_key=True),
        Column("run_id", Text, nullable=False),
        *(_column_of(name, field) for name, field in question.result.model_fields.items()),
        _time("created_at", now=True),
        _time("updated_at", now=True),
    )
    for question in QUESTIONS
}
"""Stage name → the table of its results, of the six stages that answer something."""

classifications = Table(
    "classifications",
    metadata,
    Column("indicator_id", Text, primary_key=True),
    *_source_columns(),
    *(
        _column_of(saved_name(question, name), field)
        for question in QUESTIONS
        for name, field in question.result.model_fields.items()
    ),
    Column("is_currency_denominated", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    _time("created_at", now=True),
    _time("updated_at", now=True),
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("run_id", Text, nullable=False, index=True),
    Column("indicator_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost_usd", Numeric(14, 8), nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    _time("created_at", now=True),
)

failed_indicators = Table(
    "failed_indicators",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("indicator_id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    _time("created_at", now=True),
)

review_items = Table(
    "review_items",
    metadata,
    Column("indicator_id", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("kind", Text, nullable=False),  # disagreement, contradiction
    Column("answer", JSONB, nullable=False),  # the LLM's
    Column("by_rules", JSONB, nullable=False),
    Column("complaint", Text),  # of a contradiction
    Column("status", Text, nullable=False, server_default="open"),  # open, accepted, corrected
    _time("created_at", now=True),
    _time("decided_at"),
)

corrections = Table(
    "corrections",
    metadata,
    Column("indicator_id", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),  # of the indicator that the person looked at; holds for no other
    Column("answer", JSONB, nullable=False),
    Column("overruled_by", Text),  # the run with --force that asked anew
    _time("created_at", now=True),
)
