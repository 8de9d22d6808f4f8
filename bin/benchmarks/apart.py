"""Stores apart from the real ones on the same servers, for a load test: nothing of it can end up among real data.

On servers of the user's: a database of its own beside the real one, which another name keeps apart more surely than
ids or a schema would, and a Redis database with a number of its own. Where the stack is embedded: servers of its own,
in a folder beside the real one's. All of it is removed at the end, in Redis key by key: should another program have
begun to use that number meanwhile, it keeps what it has. The database of a load test that was killed, the next removes.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.exceptions import RedisError, ResponseError
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from bin.embedded import ensure_stores, stop_stores
from classify.errors import UserError
from classify.store import engine
from config.settings import Settings, settings
from tasks.clients import redis_client

_MARK = "made by bin/loadtest, and removed by it"
_OWNER_KEY = "loadtest:owner"
_OUR_KEYS = (
    _OWNER_KEY,
    "pace:*",
    "gate:*",
    "run:*",
    "reconciler",
    "admission",
    "stages",
    "unacked*",
    "_kombu*",
    "*pidbox",
)
_SUFFIX = "_loadtest"
_NUMBERS = range(15, 0, -1)
"""Redis databases that are tried; a server has 16 unless it was told otherwise."""


@contextmanager
def apart() -> Iterator[Settings]:
    """Stores for this process and those that it starts, ready to use, instead of those of the settings.

    Raises
    ------
    UserError
        When a store cannot be reached, or does not allow it.
    """
    real = settings()
    changed = ("DATA_DIR", "DATABASE_URL", "REDIS_URL")
    before = {name: os.environ.get(name) for name in changed}
    with ExitStack() as stack:
        stack.callback(_use, before)
        folder = stack.enter_context(_folder(real))
        database_url = "" if real.embeds_database else stack.enter_context(_database(real))
        _use({"DATA_DIR": folder, "DATABASE_URL": database_url})
        if not real.embeds_redis:
            stack.enter_context(_redis_database(real))
        own = settings()
        stack.callback(stop_stores, own)
        ensure_stores(own)
        yield own
        engine().dispose()


def _use(environment: dict[str, str | None]) -> None:
    """Let this process, and those that it starts, use other stores."""
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for of_the_process in (settings, redis_client, engine):
        of_the_process.cache_clear()


@contextmanager
def _folder(real: Settings) -> Iterator[str]:
    """A folder on the disk that the embedded servers use, with what they need."""
    try:
        real.data_dir.parent.mkdir(parents=True, exist_ok=True)
        name = tempfile.TemporaryDirectory(prefix=f"{real.data_dir.name}-loadtest-", dir=real.data_dir.parent)
    except OSError as error:
        raise UserError(f"DATA_DIR: {real.data_dir.parent} cannot be used: {error.strerror}") from None
    with name as folder:
        yield folder


@contextmanager
def _database(real: Settings) -> Iterator[str]:
    """A database beside the real one, as long as the block runs; its URL."""
    url = make_url(real.database_address)
    server = create_engine(
        url, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args={"application_name": "loadtest"}
    )
    try:
        with server.connect() as connection:
            name = f"{connection.scalar(text('SELECT current_database()'))}{_SUFFIX}"
            _make(connection, name)
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines()[0]
        raise UserError(f"PostgreSQL: {said}: a load test needs a database of its own") from None
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {_quoted(name)} WITH (FORCE)"))


def _make(connection: Connection, name: str) -> None:
    found = connection.execute(
        text("""
            SELECT shobj_description(oid, 'pg_database') AS mark,
                   (SELECT count(*) FROM pg_stat_activity AS session WHERE session.datid = base.oid) AS sessions
            FROM pg_database AS base WHERE datname = :name
        """),
        {"name": name},
    ).first()
    if found and found.mark != _MARK:
        raise UserError(f"there is a database {name!r} that bin/loadtest did not make, and it needs the name")
    if found and found.sessions:
        raise UserError(f"another load test is using the database {name!r}")
    if found:
        connection.execute(text(f"DROP DATABASE {_quoted(name)}"))
    connection.execute(text(f"CREATE DATABASE {_quoted(name)}"))
    connection.execute(text(f"COMMENT ON DATABASE {_quoted(name)} IS '{_MARK}'"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _redis_database(real: Settings) -> Iterator[None]:
    """A Redis database that was empty, in use by this process as long as the block runs, and empty again."""
    parts = urlsplit(real.redis_url)
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key != "db"])
    for number in _NUMBERS:
        _use({"REDIS_URL": parts._replace(path=f"/{number}", query=query).geturl()})
        try:
            if not redis_client().dbsize() and redis_client().set(_OWNER_KEY, os.getpid(), nx=True):
                break
        except ResponseError:
            continue  # this server has no such number
        except (RedisError, OSError) as error:
            raise UserError(f"Redis cannot be reached: {error}") from None
    else:
        raise UserError("Redis has no empty database among the numbers 1 to 15: a load test needs one of its own")
    try:
        yield
    finally:
        redis = redis_client()
        for pattern in _OUR_KEYS:
            if keys := list(redis.scan_iter(pattern, count=1000)):
                redis.unlink(*keys)
        if left := redis.dbsize():
            print(f"{left:,} keys in Redis database {number} are not of this load test: left alone", file=sys.stderr)
