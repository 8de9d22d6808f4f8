"""The client of Redis that everything but kombu uses: leases, the reconciler, the watch over the worker.

Its calls come back, with an answer or an error, within seconds: who waits for ever can neither renew a lease nor end.
"""

from functools import cache
from typing import Any

from redis import Redis, UnixDomainSocketConnection
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.settings import settings

_ANSWER_WITHIN_S = 5.0


@cache
def redis_client() -> Redis:
    """The client of this process; may be shared by threads and greenlets."""
    options: dict[str, Any] = {
        "decode_responses": True,
        "health_check_interval": 30,
        "socket_timeout": _ANSWER_WITHIN_S,
        "socket_connect_timeout": _ANSWER_WITHIN_S,
        "retry": Retry(ConstantBackoff(0.05), 1),  # one more try: a pooled connection may have died unnoticed
    }
    found = settings().sentinels
    if found is None:
        return _client(settings().redis_address, **options)
    login = {"password": found.password or None}
    asked = {"socket_timeout": _ANSWER_WITHIN_S, **login}
    sentinels = Sentinel([*found.hosts], sentinel_kwargs=asked, db=found.database, **login)  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(found.master, **options)  # type: ignore[no-untyped-call]
    return client


class _UnixConnection(UnixDomainSocketConnection):
    """redis-py 8 asks a connection that timed out for its port, and fails over a Unix socket's having none."""

    port = 0


def _client(url: str, **options: Any) -> Redis:
    client: Redis = Redis.from_url(url, **options)
    if client.connection_pool.connection_class is UnixDomainSocketConnection:
        client.connection_pool.connection_class = _UnixConnection
    return client
