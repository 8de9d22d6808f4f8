"""kombu's Redis transport, with five things that a busy green worker needs.

One client object a channel instead of one an operation: making a redis-py client costs more than the round trip that
it is made for; the connections below it are pooled anyway, and a client may be shared by threads and greenlets. And
shorter waits for messages: a worker without an event loop learns between two waits that it is asked to stop. And
leases instead of kombu's visibility timeout, which would deliver slow tasks twice: see `tasks.leases`. And a chain is
handed on in one step: the next stage's message takes the place of the one in hand, so neither is there without the
other, and a round trip is saved; mostly it does not come here at all, see `tasks.carrying`. And a look at what comes
out of a queue: what is no message is dropped there with a line in the log, and does not end the worker.
"""

import logging
from typing import Any

from celery import current_task
from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from kombu.utils.json import dumps, loads

from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from tasks.carrying import comes_over, is_of_this_chain
from tasks.ending import is_stopping
from tasks.leases import leases
from tasks.messages import fault_of, shown

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 0.25


class LeasedQoS(redis.QoS):
    """What was delivered and not yet acknowledged, by the leases of this process.

    Closing a channel hands nothing back: tasks that run go on, whatever becomes of the connection, and what waits is
    handed back by `tasks.keeper`. Nor does kombu look for expired messages: the keeper does, on a clock of its own.
    """

    def append(self, message: Any, delivery_tag: str) -> None:
        if not leases().has(delivery_tag):  # as it has what was carried on here
            delivery = message.delivery_info
            leases().take(delivery_tag, message._raw, delivery["exchange"], delivery["routing_key"])
        virtual.QoS.append(self, message, delivery_tag)  # type: ignore[no-untyped-call]

    def ack(self, delivery_tag: str) -> None:
        leases().acknowledge(delivery_tag)
        virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if requeue:  # as Celery does when a process of its pool died over the task, or was stopped
            leases().hand_back(lambda tag: tag == delivery_tag, after_a_crash=not is_stopping())
        else:
            leases().acknowledge(delivery_tag)
        virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]

    def restore_unacked_once(self, stderr: Any = None) -> None:
        self._on_collect.cancel()

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        pass


class _OneClient:
    """A channel that keeps its client for as long as its connection pool lives, and hands chains on."""

    QoS = LeasedQoS
    _kept_client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # BRPOP and SUBSCRIBE hold a connection each: these clients are kombu's own matter
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        pool = self.pool  # type: ignore[attr-defined]
        if self._kept_client is None or self._kept_client.connection_pool is not pool:
            self._kept_client = super()._create_client()  # type: ignore[misc]
        return self._kept_client

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        if is_of_this_chain(message["headers"].get("root_id")):
            priority = self._get_message_priority(message, reverse=False)  # type: ignore[attr-defined]
            key = self._q_for_pri(queue, priority)  # type: ignore[attr-defined]
            leases().hand_on(current_task.request.properties["delivery_tag"], key, dumps(message))  # type: ignore[no-untyped-call]
        else:
            super()._put(queue, message, **options)  # type: ignore[misc]

    def basic_consume(self, queue: str, *args: Any, **options: Any) -> None:
        super().basic_consume(queue, *args, **options)  # type: ignore[misc]
        if queue == STAGES_QUEUE:
            comes_over(self)


class _ShortWaits:
    """A transport that looks up often, and looks at what it delivers."""

    def _deliver(self, message: Any, queue: str) -> None:
        if queue in (ADMISSION_QUEUE, STAGES_QUEUE) and (fault := fault_of(message)):
            log.error("dropped what is no message from the queue %s (%s): %s", queue, fault, shown(message))
            return
        super()._deliver(message, queue)  # type: ignore[misc]

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        shorter = None if timeout is None else min(timeout, _LONGEST_WAIT_S)
        super().drain_events(connection, timeout=shorter)  # type: ignore[misc]


class Channel(_OneClient, redis.Channel):
    """kombu's channel, as above."""


class Transport(_ShortWaits, redis.Transport):  # type: ignore[misc]
    """kombu's Redis transport over the channel above."""

    Channel = Channel


class SentinelChannel(_OneClient, redis.SentinelChannel):
    """kombu's channel to the master that Sentinels know, as above."""


class SentinelTransport(_ShortWaits, redis.SentinelTransport):  # type: ignore[misc]
    """kombu's transport over the channel above."""

    Channel = SentinelChannel


def _loads_or_leaves(text: str) -> Any:
    """What a text in JSON says; the text itself where it is none, for `_deliver` to see."""
    try:
        return loads(text)  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError):
        return text


def install() -> None:
    """Make `redis://`, `rediss://`, `redis+socket://` and `sentinel://` mean these transports, in this process."""
    redis.loads = _loads_or_leaves  # type: ignore[assignment,attr-defined]
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
    TRANSPORT_ALIASES["sentinel"] = f"{__name__}:SentinelTransport"
