"""kombu's Redis transport, with two things that a busy green worker needs.

One client object a channel instead of one an operation: making a redis-py client costs more than the round trip that
it is made for; the connections below it are pooled anyway, and a client may be shared by threads and greenlets. And
shorter waits for messages: a worker without an event loop learns between two waits that it is asked to stop.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

_LONGEST_WAIT_S = 0.25


class Channel(redis.Channel):
    """A channel that keeps its client for as long as its connection pool lives."""

    _kept_client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # BRPOP and SUBSCRIBE hold a connection each: these clients are kombu's own matter
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._kept_client is None or self._kept_client.connection_pool is not self.pool:
            self._kept_client = super()._create_client()  # type: ignore[no-untyped-call]
        return self._kept_client


class Transport(redis.Transport):
    """kombu's Redis transport over the channel above."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        shorter = None if timeout is None else min(timeout, _LONGEST_WAIT_S)
        super().drain_events(connection, timeout=shorter)  # type: ignore[no-untyped-call]


def install() -> None:
    """Make `redis://`, `rediss://` and `redis+socket://` mean this transport, in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
