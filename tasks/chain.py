"""The chain: one indicator's seven tasks, and sending it off for thousands of indicators over one connection."""

from collections.abc import Iterable

from celery.canvas import Signature
from kombu.exceptions import BatchPublishError

from classify.errors import UserError
from classify.stages import STAGES
from tasks.celery import app
from tasks.clients import redis_client
from tasks.leases import AWAY
from tasks.messages import root_of
from tasks.ticket import Ticket

BATCH = 500
"""Messages a round trip to Redis."""
_SENDING_S = 30
"""A run that is being sent off is known as such for so long after each batch: who sends may have died."""


def sending_key(run_id: str) -> str:
    """The key in Redis that is there while a run's chains are being sent off: what has no message yet is not lost."""
    return f"run:{run_id}:sending"


def chain_of(ticket: Ticket) -> Signature:
    """The chain that takes an indicator from its first unanswered stage to the end.

    It is the message that `celery.chain` would send: the first task, and in it the rest, the last first. The canvas
    itself is left out, since it copies every signature four times and loses the producer, and with it the batch.
    """
    root = root_of(ticket.run, ticket.indicator)
    shown = {"argsrepr": root}  # what Flower and events show instead of the whole message
    names = [f"tasks.{stage.name}" for stage in STAGES if stage.name not in ticket.findings]
    first, *rest = names
    following = [app.signature(name, options=shown) for name in reversed(rest)]
    options = {**shown, "root_id": root, "chain": following}
    return app.signature(first, args=(ticket.message(),), options=options)


def dispatch(tickets: Iterable[Ticket]) -> int:
    """Publish the chains of `tickets`, all of one run, batch by batch; how many there were.

    Raises
    ------
    UserError
        When Redis went away meanwhile. What was not sent stands in the ledger, and the reconciler sends it.
    """
    sent = 0
    try:
        with app.producer_pool.acquire(block=True) as producer, producer.batch(max_size=BATCH):
            for ticket in tickets:
                if sent % BATCH == 0:
                    redis_client().set(sending_key(ticket.run), 1, ex=_SENDING_S)
                chain_of(ticket).apply_async(producer=producer)
                sent += 1
        if sent:
            redis_client().delete(sending_key(ticket.run))
    except (BatchPublishError, *AWAY):
        raise UserError(
            "Redis went away: what was not sent off is, once it is back and an admission worker runs"
        ) from None
    return sent
