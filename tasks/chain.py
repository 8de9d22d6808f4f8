"""The chain: one indicator's seven tasks, and sending it off for thousands of indicators over one connection."""

from collections.abc import Iterable

from celery import chain
from celery.canvas import Signature

from classify.stages import STAGES
from tasks.celery import app
from tasks.messages import root_of
from tasks.ticket import Ticket

BATCH = 500
"""Messages a round trip to Redis."""


def chain_of(ticket: Ticket) -> Signature:
    """The chain that takes an indicator from its first unanswered stage to the end."""
    names = [f"tasks.{stage.name}" for stage in STAGES if stage.name not in ticket.findings]
    first, *rest = names
    shown = {
        "argsrepr": root_of(ticket.run, ticket.indicator)
    }  # what Flower and events show instead of the whole message
    return chain(
        app.signature(first, args=(ticket.message(),), options=shown),
        *(app.signature(name, options=shown) for name in rest),
    )


def dispatch(tickets: Iterable[Ticket]) -> int:
    """Publish the chains of `tickets`, batch by batch over one connection; how many there were."""
    sent = 0
    with app.producer_pool.acquire(block=True) as producer, producer.batch(max_size=BATCH):
        for ticket in tickets:
            chain_of(ticket).apply_async(producer=producer, root_id=root_of(ticket.run, ticket.indicator))
            sent += 1
    return sent
