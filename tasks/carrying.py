"""A chain goes on where it is: the worker that has run a stage runs the next one, too, without a queue in between.

The next stage's message is written into Redis as one in this worker's hands, at the moment that the last one's goes;
so it is as safe as if it had been taken out of a queue, and the way into the queue and out again is spared. Everything
else is Celery's: the message is its message, and the consumer takes it as if it had come from Redis. Whoever is to
run it is given it by a greenlet of its own, since that waits for a free place in the pool.

A retry goes through the queue, and may try its luck elsewhere. So does every chain of a worker that is asked to stop,
and of pools of processes or threads, where a task cannot call the consumer.
"""

import logging
from collections.abc import Mapping
from typing import Any

from celery import Task, current_task, signals
from celery.utils import uuid
from kombu.serialization import dumps

from config.celery import STAGES_QUEUE, task_serializer
from tasks.ending import is_stopping
from tasks.green import is_green
from tasks.leases import AWAY, leases
from tasks.messages import KNOWN

log = logging.getLogger(__name__)

_OF_A_CHAIN = frozenset({"root_id", "parent_id", "chain", "argsrepr"})
"""Options that the next task of a chain is sent with; others are for Celery to see to."""

_consumer: Any = None


def comes_over(channel: Any) -> None:
    """Note the channel over which this process consumes the queue of the stages."""
    global _consumer
    _consumer = channel


def is_of_this_chain(root_id: str | None) -> bool:
    """Whether what is sent follows from the task that is running, as the next stage or its own next try."""
    request = current_task.request if current_task else None
    return bool(request and request.properties and root_id and request.root_id == root_id)


def carry_on(task: Task, args: tuple[Any, ...], options: Mapping[str, Any], known: Any) -> str | None:
    """Go on with `task` in this worker, if it follows the one that is running and this worker may run it.

    Parameters
    ----------
    args, options
        As `apply_async` has them.
    known
        What the running task has looked up, for the next to find in its request's properties.

    Returns
    -------
    str or None
        The new task's id; None when it is to be published.
    """
    channel = _consumer
    if channel is None or channel.closed or STAGES_QUEUE not in channel.connection._callbacks:
        return None
    if options.keys() - _OF_A_CHAIN or not is_of_this_chain(options.get("root_id")) or not is_green() or is_stopping():
        return None
    if signals.before_task_publish.receivers or task.app.conf.task_send_sent_event:
        return None  # somebody wants to see it published
    limits = {"time_limit": task.time_limit, "soft_time_limit": task.soft_time_limit}
    following = uuid()
    headers, properties, body, _ = task.app.amqp.create_task_message(
        following, task.name, args, ignore_result=task.ignore_result, kwargsrepr="{}", **limits, **options
    )
    content_type, encoding, data = dumps(body, serializer=task_serializer)  # type: ignore[no-untyped-call]
    message = channel.prepare_message(data, 0, content_type, encoding, headers, properties)
    channel._inplace_augment_message(message, "", STAGES_QUEUE)
    try:
        leases().carry_on(current_task.request.properties["delivery_tag"], message)
    except AWAY:  # Celery waits for Redis where it publishes
        return None
    properties[KNOWN] = known
    _deliver_soon(channel, message)
    return str(following)


def _deliver_soon(channel: Any, message: Any) -> None:
    import gevent  # a green worker has it loaded; nobody else comes here

    tag = message["properties"]["delivery_tag"]

    def deliver() -> None:
        if not leases().has(tag):  # handed back meanwhile
            return
        try:
            channel.connection._callbacks[STAGES_QUEUE](message)
        except Exception:
            log.exception("a message that could not be delivered here goes back to its queue")
            leases().hand_back(lambda one: one == tag)

    gevent.spawn_raw(deliver)
