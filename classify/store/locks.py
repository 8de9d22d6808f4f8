"""A lock that only one process in the world holds: an advisory lock of the database that all of them share.

It ends with the connection that took it, so neither a crash nor kill -9 leaves it behind. It belongs to a transaction
and not to a session, since a pooler such as PgBouncer gives a transaction a connection of its own, and a session none.
Such a transaction has read and written nothing: it holds up no vacuum, however long it lasts.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from config.settings import settings

_NAME = 63
"""Bytes of an application_name that PostgreSQL keeps."""

# A lock of a machine that lost its power is free after a minute; and nobody ends a transaction for lasting.
_LASTS = text("""
    SELECT set_config(name, wanted, true) FROM pg_settings JOIN (VALUES
        ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
        ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '15'), ('tcp_keepalives_count', '3')
    ) AS wish (name, wanted) USING (name)
""")
_HOLDER = text("""
    SELECT application_name, xact_start FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :key AND objsubid = 1
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


@dataclass(frozen=True)
class Holder:
    """Who has the lock: its name with host and process id, and since when; None where the database does not tell."""

    name: str | None
    since: datetime | None


class Lock:
    """A lock of the settings' database, on a connection of its own.

    Example
    -------
    >>> lock = Lock("nightly", 0x6E696768)
    >>> if (other := lock.take()) is not None: ...  # doctest: +SKIP

    Parameters
    ----------
    name
        What others are told: `nightly 4711@host`.
    key
        Any number below 2³² that nothing else locks.
    """

    def __init__(self, name: str, key: int) -> None:
        shown = f"{name} {os.getpid()}@{socket.gethostname()}".encode()[:_NAME].decode(errors="ignore")
        options = {"connect_timeout": 10, "application_name": shown}
        self._engine = create_engine(settings().database_address, poolclass=NullPool, connect_args=options)
        self._key = key
        self._connection: Connection | None = None

    def take(self) -> Holder | None:
        """Take the lock, or learn who has it.

        Returns
        -------
        Holder or None
            None when it is ours now.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            When the database is away.
        """
        connection = self._engine.connect()
        connection.execute(_LASTS)
        if connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": self._key}):
            self._connection = connection
            return None
        found = connection.execute(_HOLDER, {"key": self._key}).first()
        connection.close()
        return Holder(found.application_name or None, found.xact_start) if found else Holder(None, None)

    def keep(self) -> Holder | None:
        """Look whether the lock is still ours, and take it anew where a restart of the database has cost it.

        Returns
        -------
        Holder or None
            None when it is ours; else who was faster.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            When the database is away.
        """
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                self.release()
            else:
                return None
        return self.take()

    def release(self) -> None:
        """Give it back; nothing when there is none, or the database is gone."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
