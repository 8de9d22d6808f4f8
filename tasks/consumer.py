"""Celery's door to the shared bucket: a consumer whose rate-limited tasks are paced by the cluster, not by the process.

`worker_consumer` names this class; everything else about `rate_limit` stays as Celery's users know it: the annotation
on `tasks.normalize`, `celery control rate_limit tasks.normalize 1200/m`, Flower's field.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from celery.utils.time import rate
from celery.worker.consumer import Consumer

from tasks.ending import is_stopping
from tasks.pace import Pace, pace

PACED_TASK = "tasks.normalize"
_LONGEST_WAIT_S = 0.25


class ClusterBucket:
    """Stands where Celery expects a kombu `TokenBucket`, and asks the cluster's pace for every token.

    Parameters
    ----------
    pace
        The cluster's pace.
    blocking
        Whether to wait for the token where the consumer runs. True in pools without an event loop, where the consumer
        is a greenlet or thread of its own: it then holds one message, in order, and fetches none while it waits.
        False under an event loop, which must not stand still: Celery's timer asks again.
    """

    def __init__(self, pace: Pace, *, blocking: bool) -> None:
        self.contents: deque[Any] = deque()
        self._pace = pace
        self._blocking = blocking
        self._wait = 0.0

    def add(self, item: Any) -> None:
        self.contents.append(item)

    def pop(self) -> Any:
        return self.contents.popleft()

    def clear_pending(self) -> None:
        self.contents.clear()

    def can_consume(self, tokens: int = 1) -> bool:
        while (wait := self._pace.try_admit()) > 0:
            self._wait = min(wait, _LONGEST_WAIT_S)
            if not self._blocking:
                return False
            if is_stopping():
                # The message stays unacknowledged in `contents`: closing the channel hands it back.
                self._wait = 3600
                return False
            time.sleep(self._wait)
        return True

    def expected_time(self, tokens: int = 1) -> float:
        return self._wait


class PacedConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's consumer with the cluster's bucket for the paced task, and no prefetching in a green pool.

    A green pool makes the consumer wait until a greenlet is free, with the one message it has in its hands. That is
    limit enough, and wakes at once; a prefetch count makes kombu look for free places once a second. It also
    spreads work evenly: nothing sits in a busy worker that an idle one could do.
    """

    _is_set_up = False

    def __init__(self, *args: Any, pool: Any = None, initial_prefetch_count: int = 2, **options: Any) -> None:
        prefetch = 0 if getattr(pool, "is_green", False) else initial_prefetch_count
        super().__init__(*args, pool=pool, initial_prefetch_count=prefetch, **options)
        self._is_set_up = True

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **options)

        def handle_or_reject(message: Any) -> None:
            try:
                handle(message)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # Whole on the outside, and no task inside: Celery would end over it, and the next worker, too.
                self.on_invalid_task(None, message, error)

        return handle_or_reject

    def bucket_for_task(self, type: Any) -> Any:
        if type.name != PACED_TASK or not type.rate_limit:
            return super().bucket_for_task(type)
        if self._is_set_up:
            # Celery makes the buckets anew when `control rate_limit` was called: that is a new target for everybody.
            pace().set_target(rate(type.rate_limit) * 60)
        return ClusterBucket(pace(), blocking=not self.controller.use_eventloop)
