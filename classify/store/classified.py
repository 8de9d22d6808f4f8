"""Reading `classifications` out again, row by row, for an export."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB

from classify.store.engine import transactions
from classify.store.tables import classifications

_FETCH = 500


def columns() -> dict[str, type]:
    """The columns of an export in order, with the Python type of each; an observation list is `list`."""
    kinds = {c.name: list if isinstance(c.type, JSONB) else c.type.python_type for c in classifications.columns}
    return {"id": kinds.pop("indicator_id"), **kinds}


def rows(run_id: str | None = None) -> Iterator[dict[str, Any]]:
    """The classifications by id, all or those that a run wrote last; streams over a cursor of the server."""
    table = classifications
    statement = select(table.c.indicator_id.label("id"), *(c for c in table.c if c is not table.c.indicator_id))
    if run_id is not None:
        statement = statement.where(table.c.run_id == run_id)
    with transactions().connect() as connection:
        stream = connection.execution_options(yield_per=_FETCH)
        for row in stream.execute(statement.order_by(table.c.indicator_id)):
            yield row._asdict()
