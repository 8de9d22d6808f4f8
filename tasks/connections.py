"""A worker takes its connections to PostgreSQL before it takes work, or ends with one line that says why it cannot."""

import sys
from typing import Any

from celery import bootsteps

from classify.errors import UserError
from classify.store import room
from config.celery import ADMISSION_QUEUE


class Connections(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The step of every worker that fills its pool of connections; exit status 2 where there is no room.

    Not with Celery's pool of processes: what the parent has opened, its children would share.
    """

    requires = ("celery.worker.components:Pool",)

    def include_if(self, parent: Any) -> bool:
        return "prefork" not in parent.pool_cls.__module__

    def start(self, parent: Any) -> None:
        admits = ADMISSION_QUEUE in parent.app.amqp.queues.consume_from
        try:
            room.claim("admission" if admits else "worker")
        except UserError as error:
            print(f"{parent.hostname}: {error}", file=sys.stderr, flush=True)
            raise SystemExit(2) from None
