"""The keeper: what a worker does beside its tasks so that nothing is lost with it, on a clock of its own.

Every second it looks whether leases are to be renewed, expired ones of dead workers taken back, whether the worker
has outgrown its memory, and whether one that was asked to stop takes too long. However busy the queue is: kombu
itself would look only while there is nothing to do.

It runs where the tasks run, in the same event loop or interpreter, and that is on purpose: a process that is stuck as
a whole renews nothing, others do its work, and a clock outside of the interpreter ends it.
"""

import contextlib
import faulthandler
import gc
import logging
import os
import threading
import time
from typing import Any

import psutil
from celery import bootsteps, signals
from celery.worker import state

from config.settings import settings
from tasks.ending import cut_short, is_stopping
from tasks.leases import AWAY, leases

log = logging.getLogger(__name__)

_TICK_S = 0.5
_RENEW_SHARE = 4
"""A lease is renewed so many times before it would expire."""
_STUCK_S = 90.0
"""A worker whose keeper does not come round in so long ends with a traceback; whoever supervises it starts another."""
_REST_S = 1.5
"""For what has its answer when the grace is over, to be kept and handed on; `docker stop` waits 10 s in all."""
LONGEST_TASK_S = 900.0
"""A task that has been running for longer is stuck, though its worker is not: its lease ends, and another may try."""


class Keeper(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The step of every worker that starts the keeper's thread, or greenlet where Celery's pool is a green one."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._ended = threading.Event()
        self._next_renewal = 0.0
        self._stopping_since: float | None = None
        self._has_cut_short = False

    def start(self, parent: Any) -> None:
        _spare_the_collector()
        self._is_green = getattr(parent.pool_cls, "is_green", False)
        signals.worker_shutdown.connect(self._hand_back_all, weak=False)
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    def _keep(self) -> None:
        while not self._ended.wait(_TICK_S):
            faulthandler.dump_traceback_later(_STUCK_S, exit=True)
            try:
                self._tick()
            except AWAY as error:
                log.info("Redis is away: %s", error)
            except Exception:
                log.exception("the keeper goes on after an error")
            _show_life()

    def _tick(self) -> None:
        now = time.monotonic()
        if is_stopping():
            self._watch_the_end(now)
        elif _has_outgrown():
            log.warning("the worker has outgrown WORKER_MEMORY_MB: it finishes what it has begun, and ends")
            state.should_stop = 0
        if now >= self._next_renewal:
            self._next_renewal = now + settings().visibility_timeout / _RENEW_SHARE
            try:
                leases().renew(_overdue())
                count = leases().restore_expired()
            except AWAY:
                self._next_renewal = now  # soon again: others count the time
                raise
            if count:
                self._next_renewal = now  # there may be more of them
                log.warning("put %d messages of workers that gave no sign of life back to their queues", count)

    def _watch_the_end(self, now: float) -> None:
        if self._stopping_since is None:
            self._stopping_since = now
        late = now - self._stopping_since - settings().shutdown_grace
        if late > 0 and self._is_green and not self._has_cut_short:
            self._has_cut_short = True
            if count := cut_short():
                log.warning("%d questions had no answer in time: others ask them again", count)
        if late > (_REST_S if self._is_green else 0):
            self._end_now()

    def _end_now(self) -> None:
        for child in psutil.Process().children(recursive=True):  # of a pool of processes: what they do is given up
            child.kill()
        count = len(leases().held)
        self._hand_back_all()
        log.warning("%d tasks were not finished in time: others go on with them", count)
        logging.shutdown()
        os._exit(0)

    def _hand_back_all(self, **_: Any) -> None:
        self._ended.set()
        faulthandler.cancel_dump_traceback_later()
        try:
            leases().hand_back()
        except AWAY:
            log.warning("Redis is away: what was in hand is taken back after the visibility timeout")


class HandBack(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The step of every consumer that hands back what waits in this process when the connection is lost.

    Celery forgets then what waits for its time or for the pace, and would leave it to the visibility timeout.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        hand_back_idle()

    def stop(self, parent: Any) -> None:
        with contextlib.suppress(*AWAY):  # then at the next start
            hand_back_idle()


def hand_back_idle() -> int:
    """Hand back every message in hand whose task is not running; how many."""
    time.sleep(0)  # what was given to a green pool this very moment shows only when it has begun
    running = {request.message.delivery_tag for request in (*state.active_requests, *state.reserved_requests)}
    return leases().hand_back(lambda tag: tag not in running)


def _overdue() -> set[str]:
    """Delivery tags of tasks that are stuck."""
    latest = time.time() - LONGEST_TASK_S
    return {r.message.delivery_tag for r in tuple(state.active_requests) if r.time_start and r.time_start < latest}


def _show_life() -> None:
    if path := settings().alive_file:
        with contextlib.suppress(OSError):  # that it cannot be written shows where it is looked for
            path.touch()


def _spare_the_collector() -> None:
    """Keep the garbage collector from walking through all that was imported, again and again: a tenth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _has_outgrown() -> bool:
    limit = settings().worker_memory_mb
    return bool(limit) and psutil.Process().memory_info().rss > limit * 1_000_000
