"""Both stores, ready to use: what is embedded is started if need be, and the schema is brought up to date."""

import signal
import time
from types import ModuleType

from bin.embedded import places, postgres, processes, redis
from bin.embedded.state import State
from classify.errors import UserError
from config.settings import Settings

_ANSWER_WITHIN_S = 10.0
_LOAD_WITHIN_S = 120.0
_STOP_WITHIN_S = 15.0
_MOMENT_S = 0.01


def embedded(settings: Settings) -> list[ModuleType]:
    """The servers that are not somewhere else."""
    return [redis] * settings.embeds_redis + [postgres] * settings.embeds_database


def ensure_stores(settings: Settings) -> bool:
    """Make both stores ready to use.

    Parameters
    ----------
    settings
        Say which stores are embedded and where their data is.

    Returns
    -------
    bool
        Whether anything had to be started.

    Raises
    ------
    UserError
        When one of them does not come up, or cannot be reached.
    """
    from classify.store import migrate  # SQLAlchemy takes its time, and `bin/stack down` has no use for it

    if not settings.embeds_redis:
        _check_redis()
    servers = embedded(settings)
    missing = [server for server in servers if server.state(settings) is not State.READY]
    if missing:
        with places.locked(settings):
            started = _start(settings, missing)
            migrate(settings.database_address)
        return started
    migrate(settings.database_address)
    return False


def _check_redis() -> None:
    """A Redis somewhere else answers; told in one line where it does not."""
    from redis.exceptions import RedisError

    from tasks.clients import redis_client

    try:
        redis_client().ping()
    except (RedisError, OSError, ValueError) as error:
        raise UserError(f"Redis cannot be reached: {' '.join(str(error).split())}") from None


def _start(settings: Settings, servers: list[ModuleType]) -> bool:
    waiting = []
    for server in servers:
        if server.state(settings) is State.READY:
            continue  # another command was faster
        if processes.find(settings, server.NAME) and not server.socket_file(settings).exists():
            _stop(settings, [server])  # somebody removed the socket: nobody can reach it any more
        if not processes.find(settings, server.NAME):
            _spawn(settings, server)
        waiting.append(server)
    for server in waiting:
        _wait_until_ready(settings, server)
    return bool(waiting)


def _spawn(settings: Settings, server: ModuleType) -> None:
    processes.stop_strays(server.folder(settings), server.PROGRAMS)
    if server is postgres:
        postgres.make_ready(settings)
        processes.spawn(settings, postgres.NAME, postgres.command(settings), postgres.environment())
    else:
        redis.socket_file(settings).unlink(missing_ok=True)
        processes.spawn(settings, redis.NAME, redis.command(settings))


def _wait_until_ready(settings: Settings, server: ModuleType) -> None:
    began = time.monotonic()
    while True:
        state = server.state(settings)
        if state is State.READY:
            return
        waited = time.monotonic() - began
        log = places.log_file(settings, server.NAME)
        if not processes.find(settings, server.NAME):
            tail = processes.last_lines(log, 3)
            raise UserError(f"{server.NAME} did not start: {' / '.join(tail) or 'it said nothing'} (log: {log})")
        if waited > (_LOAD_WITHIN_S if state is State.LOADING else _ANSWER_WITHIN_S):
            tail = processes.last_lines(log, 3)
            raise UserError(f"{server.NAME} does not answer after {waited:.0f} s: {' / '.join(tail)} (log: {log})")
        time.sleep(_MOMENT_S)


def stop_stores(settings: Settings) -> list[str]:
    """Stop the embedded servers; their data stays. The names of those that ran."""
    if not places.is_ours(settings):
        return []
    with places.locked(settings):
        return stop_servers(settings)


def stop_servers(settings: Settings) -> list[str]:
    """`stop_stores` for a caller that holds the lock."""
    running = [server for server in (redis, postgres) if processes.find(settings, server.NAME)]
    _stop(settings, running)
    return [server.NAME for server in running]


def _stop(settings: Settings, servers: list[ModuleType]) -> None:
    """SIGTERM makes Redis write everything and end; SIGINT is PostgreSQL's fast shutdown, SIGTERM waits for clients."""
    for server in servers:
        number = signal.SIGINT if server is postgres else signal.SIGTERM
        processes.stop(settings, [server.NAME], number, _STOP_WITHIN_S)
        server.socket_file(settings).unlink(missing_ok=True)
