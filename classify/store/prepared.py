"""Statements that run thousands of times a minute: planned once a connection, and past what SQLAlchemy does for others.

psycopg2 has no prepared statements of its own; PostgreSQL's PREPARE and EXECUTE are them. Planning is two thirds of the
server's time for the joins over five tables that a stage looks up, and making SQLAlchemy's objects a third of the
worker's; the pool of connections and the errors are SQLAlchemy's. A pooler that hands every statement to another server
connection (PgBouncer's transaction pooling) breaks prepared statements; that is noticed, and from there on they are
planned at every call.
"""

import logging
import re
from hashlib import blake2b
from typing import Any, ClassVar

import psycopg2
from sqlalchemy.exc import DBAPIError

from classify.store.engine import engine

log = logging.getLogger(__name__)

_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")
_POOLER = frozenset({"26000", "42P05"})
"""SQLSTATEs of a connection that is not the one it was: no such prepared statement, or there is one already."""


class Prepared:
    """A statement that each connection prepares when it first runs it; every run is a transaction of its own.

    Parameters
    ----------
    sql
        With parameters as SQLAlchemy's `text` has them, `:name`. Their types must follow from where they stand.
    """

    behind_pooler: ClassVar[bool] = False

    def __init__(self, sql: str) -> None:
        self._parameters = [*dict.fromkeys(_PARAMETER.findall(sql))]
        self._name = f"s_{blake2b(sql.encode(), digest_size=8).hexdigest()}"
        numbered = _PARAMETER.sub(lambda found: f"${self._parameters.index(found[1]) + 1}", sql)
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._execute = f"EXECUTE {self._name} ({', '.join(['%s'] * len(self._parameters))})"
        self._plain = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))

    def first(self, **values: Any) -> dict[str, Any] | None:
        """The first row, by column; None when there is none.

        Parameters
        ----------
        **values
            Parameter → value; there may be more of them than the statement has.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            As `Connection.execute` does.
        """
        row: dict[str, Any] | None = self._run(values)[0]
        return row

    def execute(self, **values: Any) -> int:
        """How many rows were changed; else as `first`."""
        return self._run(values)[1]

    def _run(self, values: dict[str, Any]) -> tuple[dict[str, Any] | None, int]:
        try:
            connection = engine().raw_connection()
        except psycopg2.Error as error:  # unlike Engine.connect, this leaves the driver's errors as they are
            raise self._told(error, lost=True) from error
        cursor = connection.cursor()
        try:
            self._run_on(cursor, connection.info, values)
            row = cursor.fetchone() if cursor.description else None
            return row and {
                column[0]: value for column, value in zip(cursor.description, row, strict=True)
            }, cursor.rowcount
        except psycopg2.Error as error:
            lost = engine().dialect.is_disconnect(error, connection.dbapi_connection, cursor)  # type: ignore[arg-type]
            if lost:
                connection.invalidate(error)
            raise self._told(error, lost=lost) from error
        except BaseException as error:  # a greenlet is killed, and leaves an answer behind that nobody has read
            connection.invalidate(error)
            raise
        finally:
            connection.close()

    def _told(self, error: psycopg2.Error, *, lost: bool) -> Exception:
        """The driver's error as SQLAlchemy tells it."""
        return DBAPIError.instance(
            self._execute, None, error, psycopg2.Error, connection_invalidated=lost, dialect=engine().dialect
        )

    def _run_on(self, cursor: Any, known: dict[Any, Any], values: dict[str, Any]) -> None:
        if not Prepared.behind_pooler:
            try:
                names = known.setdefault("prepared", set())  # a new connection to the server begins with none
                if self._name not in names:
                    cursor.execute(self._prepare)
                    names.add(self._name)
                cursor.execute(self._execute, [values[name] for name in self._parameters])
                return
            except psycopg2.Error as error:
                if error.pgcode not in _POOLER:
                    raise
            Prepared.behind_pooler = True
            log.warning("PostgreSQL is behind a pooler of transactions: statements are planned at every call")
        cursor.execute(self._plain, values)
