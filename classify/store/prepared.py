"""Statements that run thousands of times a minute: planned once a connection, not at every call.

psycopg2 has no prepared statements of its own; PostgreSQL's PREPARE and EXECUTE are them. Planning is two thirds of the
server's time for the joins over five tables that a stage looks up. A pooler that hands every statement to another
server connection (PgBouncer's transaction pooling) breaks them; that is noticed, and from there on they are planned
at every call.
"""

import logging
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, ClassVar

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)

_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")
_POOLER = frozenset({"26000", "42P05"})
"""SQLSTATEs of a connection that is not the one it was: no such prepared statement, or there is one already."""


class Prepared:
    """A statement that each connection prepares when it first runs it.

    Parameters
    ----------
    sql
        With parameters as SQLAlchemy's `text` has them, `:name`. Their types must follow from where they stand.
    """

    behind_pooler: ClassVar[bool] = False

    def __init__(self, sql: str) -> None:
        self._text = text(sql)
        self._parameters = [*dict.fromkeys(_PARAMETER.findall(sql))]
        self._name = f"s_{blake2b(sql.encode(), digest_size=8).hexdigest()}"
        numbered = _PARAMETER.sub(lambda found: f"${self._parameters.index(found[1]) + 1}", sql)
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._execute = f"EXECUTE {self._name} ({', '.join(['%s'] * len(self._parameters))})"

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it, outside of a transaction; what `Connection.execute` gives.

        Parameters
        ----------
        values
            Parameter → value; there may be more of them than the statement has.
        """
        if not Prepared.behind_pooler:
            try:
                return self._run_prepared(connection, values)
            except DBAPIError as error:
                if getattr(error.orig, "pgcode", None) not in _POOLER:
                    raise
            Prepared.behind_pooler = True
            log.warning("PostgreSQL is behind a pooler of transactions: statements are planned at every call")
        return connection.execute(self._text, dict(values))

    def _run_prepared(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        known = connection.info.setdefault("prepared", set())  # a new connection to the server begins with none
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self._name)
        return connection.exec_driver_sql(self._execute, tuple(values[name] for name in self._parameters))
