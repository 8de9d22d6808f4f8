"""Room for connections: how many a fleet opens by calculation, how many PostgreSQL gives, and who has them now.

A server without room refuses whoever comes next, and that may be the command that would show why. So workers take
their connections when they start and not in the thick of a run, and one that would leave too few for the rest ends
with a line that says so, while the others go on undisturbed. Counts are those of the server itself, so they hold with
a pooler in between and with other programs on the same server.
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from classify.errors import UserError
from classify.store.engine import APPLICATION, engine
from config.settings import settings

Role = Literal["admission", "worker"]

COMMANDS = 8
"""Connections kept for what is no worker: four of bin/health --serve, one of each other command, somebody's psql."""

_FULL = ("too many clients", "connection slots are reserved", "too many connections for")
"""How PostgreSQL says that it has no room; libpq passes on no code with it."""

_LOOK = text(f"""
    SELECT current_setting('max_connections')::int AS max_connections,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
           count(*) FILTER (WHERE application_name IS DISTINCT FROM '{APPLICATION}') AS taken,
           count(*) FILTER (WHERE application_name = '{APPLICATION} admission') AS admission
    FROM pg_stat_activity
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
""")


def needed(workers: int, admissions: int = 1, pool_size: int | None = None) -> int:
    """Connections that so many processes open at the most, with those kept for commands.

    Parameters
    ----------
    pool_size
        Of each process; None for that of the settings.
    """
    return (workers + admissions) * (pool_size or settings().database_pool_size) + COMMANDS


@dataclass(frozen=True)
class Room:
    """What the server has to give, and what is gone.

    Parameters
    ----------
    max_connections, reserved
        Its settings; the reserved ones are for superusers.
    taken
        Sessions of workers and of strangers; those of this project's commands are not among them.
    admission
        Sessions of admission workers, which are among the taken.
    """

    max_connections: int
    reserved: int
    taken: int
    admission: int

    @property
    def limit(self) -> int:
        """Connections for everybody who is no superuser."""
        return self.max_connections - self.reserved


def look() -> Room:
    """The room that there is now."""
    with engine().connect() as connection:
        return Room(**connection.execute(_LOOK).mappings().one())


def check(workers: int, admissions: int = 1) -> None:
    """Make sure that the server has room for so many workers, before any is started.

    Raises
    ------
    UserError
        When it has not, with what would help.
    """
    room, need = look(), needed(workers, admissions)
    if need > room.limit:
        pool = settings().database_pool_size
        most = max(0, (room.limit - COMMANDS) // pool - admissions)
        raise UserError(
            f"{workers} workers need {need} connections to PostgreSQL ({pool} each, {pool} for admission,"
            f" {COMMANDS} for commands) and it gives {room.limit}: at most {most} workers, or raise max_connections"
            f" to {need + room.reserved} (bin/plan calculates)"
        )


def claim(role: Role) -> None:
    """Open every connection of this process's pool, and leave enough for others.

    A stage worker leaves room for an admission worker and for commands, since they come to a standstill without; an
    admission worker takes what it gets. A database that is away is no matter of this: tasks wait for it.

    Raises
    ------
    UserError
        When there is no room, with what would help.
    """
    os.environ["PGAPPNAME"] = f"{APPLICATION} {role}"
    pool = settings().database_pool_size
    advice = "raise its max_connections, or run fewer workers or a smaller DATABASE_POOL_SIZE (bin/plan calculates)"
    try:
        with ExitStack() as held:
            for _ in range(pool):
                connection = held.enter_context(engine().connect())
            room = Room(**connection.execute(_LOOK).mappings().one())
    except OperationalError as error:
        said = str(error.orig).strip()
        if any(words in said for words in _FULL):
            raise UserError(f"PostgreSQL has no room for this {role}'s {pool} connections: {advice}") from None
        return
    kept = COMMANDS + max(0, pool - room.admission)
    if role == "worker" and room.taken + kept > room.limit:
        engine().dispose()
        raise UserError(
            f"PostgreSQL gives {room.limit} connections; with this worker's {pool} there would be {room.taken} taken"
            f" and {kept} to keep for admission and commands: {advice}"
        )
