"""The rows of a SQL query on another database: a database that is only read, whatever the query says.

PostgreSQL and SQLite are at hand; any other that SQLAlchemy speaks to needs its driver in `.venv`.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import URL, Engine, NullPool, RowMapping, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, ResourceClosedError

from classify.errors import UserError
from classify.intake.outcome import Row
from classify.intake.record import COLUMNS

_BATCH_ROWS = 500
_CONNECT_WITHIN_S = 10


def source_url(text: str) -> URL:
    """The URL of a database, with the driver that is at hand.

    Raises
    ------
    UserError
        When it is none; the message repeats nothing of it, since there may be a password in it.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UserError("the source is no URL of a database, like postgresql://user@host/name") from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg2")
    return url


def shown_url(url: URL) -> str:
    """Enough of a URL to know which database is meant, and nothing that may be secret."""
    return URL.create(url.get_backend_name(), None, None, url.host, url.port, url.database).render_as_string()


def sql_rows(query: str, url: URL) -> Iterator[Row]:
    """The rows of a query as mappings from its columns; streams where the database's driver can.

    Parameters
    ----------
    query
        One SELECT, passed on as it is.
    url
        As `source_url` gives it.

    Raises
    ------
    UserError
        When the database cannot be reached, the query does not work out, or lacks the columns id and name.
    """
    name = shown_url(url)
    number = 0
    try:
        with _engine(url).connect() as connection:
            streaming = connection.execution_options(yield_per=_BATCH_ROWS, no_parameters=True)
            result = streaming.exec_driver_sql(query).mappings()
            ignored = _ignored(name, list(result.keys()))
            for number, row in enumerate(result, 1):
                yield Row(number, ignored | _plain(row))
    except DBAPIError as error:
        raise UserError(f"{name}: {_where(number)}{_first_line(error.orig)}") from None
    except ResourceClosedError:
        raise UserError(f"{name}: the query gives no rows; it has to be a SELECT") from None


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    try:
        if backend == "sqlite":
            return create_engine(url, poolclass=NullPool, creator=lambda: _open_file(url))
        if backend == "postgresql":
            options: dict[str, Any] = {"connect_timeout": _CONNECT_WITHIN_S, "application_name": "classify source"}
            engine = create_engine(url, poolclass=NullPool, connect_args=options)
            return engine.execution_options(postgresql_readonly=True)
        return create_engine(url, poolclass=NullPool)
    except NoSuchModuleError:
        raise UserError(f"no database is called {url.drivername!r} (postgresql, mysql, sqlite, …)") from None
    except ModuleNotFoundError as error:
        raise UserError(f"{url.drivername} needs the Python module {error.name}: install it into .venv") from None


def _open_file(url: URL) -> sqlite3.Connection:
    """SQLite would make a file that is not there."""
    if not url.database:
        raise UserError("sqlite: the URL names no file, like sqlite:////var/lib/indicators.db")
    return sqlite3.connect(f"file:{quote(str(Path(url.database).resolve()))}?mode=ro", uri=True)


def _ignored(name: str, columns: list[str]) -> dict[str, None]:
    """The columns that mean nothing to us, with None, so they can be reported."""
    for wanted in ("id", "name"):
        if wanted not in columns:
            raise UserError(f"{name}: the query has no column {wanted}: {', '.join(columns)}")
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise UserError(f"{name}: the query names a column twice: {', '.join(repeated)}")
    return {column: None for column in columns if column not in COLUMNS}


def _plain(row: RowMapping) -> dict[str, Any]:
    """The columns that mean something, as JSON or Parquet would give them."""
    return {
        column: str(value) if isinstance(value, UUID) else value for column, value in row.items() if column in COLUMNS
    }


def _where(number: int) -> str:
    return f"broke off after row {number:,}: " if number else ""


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
