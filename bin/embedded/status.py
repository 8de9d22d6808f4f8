"""What the local stack looks like: every process, and the addresses of the stores without their passwords."""

import time
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

import psutil

from bin.embedded import places, postgres, processes, redis, workers
from bin.embedded.state import State
from config.settings import Settings


@dataclass(frozen=True)
class Part:
    """One process of the stack, or a store that is somewhere else.

    Parameters
    ----------
    memory_mb
        With its children; memory that several share counts once where the system says how much that is.
    listens
        Its socket, or the address of a store that is somewhere else.
    """

    name: str
    up: bool
    pid: int | None = None
    up_for_s: float | None = None
    memory_mb: float | None = None
    listens: str | None = None
    log: str | None = None


@dataclass(frozen=True)
class Status:
    """The whole stack; `ok` when every part of it is up."""

    ok: bool
    data_dir: str
    redis_url: str
    database_url: str
    processes: list[Part]


def status(settings: Settings) -> Status:
    """Look at everything; nothing is started or changed."""
    parts = [
        _server(settings, redis) if settings.embeds_redis else _redis_elsewhere(settings),
        _server(settings, postgres) if settings.embeds_database else _database_elsewhere(settings),
    ]
    names = workers.recorded(settings)
    missing = {workers.ADMISSION, *(() if any(n != workers.ADMISSION for n in names) else ("worker1",))} - set(names)
    parts += [_process(settings, name) for name in [*sorted(missing), *names]]
    return Status(all(part.up for part in parts), str(settings.data_dir), *addresses(settings), parts)


def addresses(settings: Settings) -> tuple[str, str]:
    """The URLs of Redis and PostgreSQL as their own clients take them, without passwords."""
    database = settings.database_address.replace("+psycopg2", "", 1)
    return _without_password(settings.redis_address), _without_password(database)


def _process(settings: Settings, name: str, listens: str | None = None) -> Part:
    log = places.log_file(settings, name)
    shown = str(log) if log.exists() else None
    process = processes.find(settings, name)
    if process is None:
        return Part(name, False, log=shown)
    up_for = round(max(0.0, time.time() - process.started_at), 1)
    return Part(name, True, process.pid, up_for, _memory_mb(process.pid), listens, shown)


def _server(settings: Settings, server: ModuleType) -> Part:
    part = _process(settings, server.NAME, str(server.socket_file(settings)))
    if part.up and server.state(settings) is not State.READY:
        return Part(server.NAME, False, part.pid, part.up_for_s, part.memory_mb, None, part.log)
    return part


def _redis_elsewhere(settings: Settings) -> Part:
    from redis.exceptions import RedisError

    from tasks.clients import redis_client

    address = _without_password(settings.redis_url)
    try:
        return Part(redis.NAME, bool(redis_client().ping()), listens=address)
    except (RedisError, OSError):
        return Part(redis.NAME, False, listens=address)


def _database_elsewhere(settings: Settings) -> Part:
    import psycopg2

    url = settings.database_address.replace("+psycopg2", "", 1)
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.Error:
        return Part(postgres.NAME, False, listens=_without_password(url))
    return Part(postgres.NAME, True, listens=_without_password(url))


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@", 1) if password else url


def _memory_mb(pid: int) -> float | None:
    total = 0
    try:
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            total += _memory(member)
    except psutil.Error:
        pass
    return round(total / 1e6, 1) if total else None


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return getattr(full, "pss", full.uss)
    except psutil.AccessDenied:
        return process.memory_info().rss
