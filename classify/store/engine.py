"""The connection to PostgreSQL: one engine a process, and the schema brought up to date."""

import os
from functools import cache, partial
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from classify.errors import UserError
from config.settings import settings

_MIGRATIONS = Path(__file__).with_name("migrations")
APPLICATION = "classify"
"""What sessions are called, unless PGAPPNAME says it more exactly."""
_MIGRATION_LOCK = 0x636C6173  # any number that nothing else takes an advisory lock on
_ARGUMENTS = {"connect_timeout": 10, "fallback_application_name": APPLICATION}


@cache
def engine() -> Engine:
    """The engine of this process, over the database of the settings.

    Statements commit by themselves (AUTOCOMMIT spares two round trips each); what must be one
    transaction says so with `engine().begin()` under another isolation level, or is one statement.
    """
    s = settings()
    made = create_engine(
        s.database_address,
        isolation_level="AUTOCOMMIT",
        pool_size=s.database_pool_size,
        max_overflow=0,
        pool_pre_ping=False,
        pool_recycle=600,
        connect_args=_ARGUMENTS,
    )
    # A process of Celery's prefork pool must not share its parent's connections, nor close them.
    os.register_at_fork(after_in_child=partial(made.dispose, close=False))
    return made


def transactions() -> Engine:
    """The same engine and pool, for what takes several statements in one transaction."""
    return engine().execution_options(isolation_level="READ COMMITTED")


def _is_current(connection: Connection) -> bool:
    """Whether the schema is that of the newest migration; spares every command the loading of Alembic."""
    if not connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return False
    newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
    return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == newest.partition("_")[0])


def _upgrade(connection: Connection) -> None:
    from alembic import command  # loaded only where there is something to do
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def migrate(database_url: str) -> None:
    """Bring the schema of a database up to date; safe to call from several processes at once.

    Parameters
    ----------
    database_url
        As SQLAlchemy takes it.

    Raises
    ------
    UserError
        When the database cannot be reached, or is not in UTF-8.
    """
    once = create_engine(database_url, poolclass=NullPool, connect_args=_ARGUMENTS)
    try:
        with once.begin() as connection:
            if _is_current(connection):
                return
            if (encoding := connection.scalar(text("SHOW server_encoding"))) != "UTF8":
                raise UserError(f"the database's encoding is {encoding}: make it with ENCODING 'UTF8'")
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            _upgrade(connection)
    except OperationalError as error:
        raise UserError(f"PostgreSQL cannot be reached: {str(error.orig).strip().splitlines()[0]}") from None
