"""The reconciler: compares the ledger with what is alive, and sends off again what was lost on the way.

It runs beside every admission worker, so there is no process more to forget; a lock in Redis lets one of them act at
a time. What it holds lost it has missed in every look over half a visibility timeout, in which every living worker has
renewed its leases and written again what Redis has forgotten. So a long queue, a slow LLM and a pace that stands
still are left alone, and an emptied Redis costs time and no work: chains go on at their first stage without an answer.
"""

import logging
import secrets
import threading
import time
from typing import Any, TypeVar

from celery import bootsteps
from redis import Redis
from sqlalchemy.exc import DBAPIError

from classify.errors import UserError
from classify.store import ledger, runs
from config.celery import ADMISSION_QUEUE
from config.settings import settings
from tasks.chain import dispatch, sending_key
from tasks.clients import redis_client
from tasks.leases import AWAY
from tasks.pace import IN_FLIGHT_KEY, TARGET_KEY, pace
from tasks.presence import Owner, message_count, owners
from tasks.resume import unfinished_tickets

log = logging.getLogger(__name__)

K = TypeVar("K", Owner, str)

LOCK_KEY = "reconciler"
_TICK_S = 2.0
_LOCK_S = 10
_GLANCES, _GLANCE_S = 4, 0.1
_SEARCH_SHARE = 0.1
"""At most so much of the time goes into looking at every message: a run of 100,000 is missing while it is sent off."""


class Reconciler:
    """One look at a time, each remembering what the one before had missed.

    Parameters
    ----------
    redis
        A client of the broker.
    patience_s
        Seconds over which everything must be missed before it is acted upon.
    """

    def __init__(self, redis: Redis, patience_s: float) -> None:
        self._redis = redis
        self._patience_s = patience_s
        self._token = secrets.token_hex(8)
        self._missed: dict[Owner, float] = {}
        self._stale: dict[str, float] = {}
        self._absent: dict[str, float] = {}
        self._target: float | None = None
        self._next_search = 0.0

    def look(self) -> int:
        """Compare, and act upon what was missed for long enough; how many indicators were sent off again.

        Raises
        ------
        redis.exceptions.RedisError, sqlalchemy.exc.SQLAlchemyError
            When a store is away; what was missed so far is forgotten, since nobody could be found alive.
        """
        try:
            if not self._may_act():
                self._forget()
                return 0
            runs.close_finished_runs()
            messages = message_count(self._redis)  # before the ledger: what is finished between the two leaves no gap
            open_runs = ledger.open_runs()
            self._keep_target(open_runs)
            self._mend_in_flight()
            return self._send_again(self._lost(messages - self._unfinished(open_runs)))
        except Exception:
            self._forget()
            raise

    def _forget(self) -> None:
        self._missed.clear()
        self._stale.clear()
        self._absent.clear()

    def _may_act(self) -> bool:
        if self._redis.set(LOCK_KEY, self._token, nx=True, ex=_LOCK_S):
            return True
        return self._redis.get(LOCK_KEY) == self._token and bool(self._redis.expire(LOCK_KEY, _LOCK_S))

    def _keep_target(self, open_runs: list[ledger.Open]) -> None:
        """Set the target again where Redis has lost it: the one last seen here, or that of the latest run."""
        known = self._redis.get(TARGET_KEY)
        if known is not None:
            self._target = float(known)
        elif open_runs:
            target = self._target or open_runs[0].target_ipm
            pace().set_target(target)
            log.warning("Redis had lost the target: set to %g IPM again", target)

    def _mend_in_flight(self) -> None:
        """Make what is counted as in flight what the ledger says; crashes must neither block nor unbound admission."""
        # One whose first stage has no answer waits to be admitted again, and must not stand in its own way.
        begun = {indicator for indicator, answered in ledger.admitted().items() if answered}
        counted = {str(indicator) for indicator in self._redis.zrange(IN_FLIGHT_KEY, 0, -1)}
        for indicator in _missed_for(self._stale, counted - begun, self._patience_s):
            pace().left(indicator)
        for indicator in _missed_for(self._absent, begun - counted, self._patience_s):
            pace().entered(indicator)

    def _lost(self, surplus: int) -> list[Owner]:
        """What has had no message for long enough.

        All messages are looked at only when some are missing for more than a moment: on its way from Redis to a worker
        a message is nowhere, and there may be 100,000 to look at.

        Parameters
        ----------
        surplus
            Messages beyond the unfinished indicators; negative when some have none.
        """
        for _ in range(_GLANCES):
            if surplus >= 0:
                # A message twice may hide one that is lost; but only until it has run its course.
                self._missed.clear()
                return []
            time.sleep(_GLANCE_S)
            surplus = message_count(self._redis) - self._unfinished(ledger.open_runs())
        began = time.monotonic()
        if began < self._next_search:
            return []
        expected = ledger.unfinished()
        missing = expected - owners(self._redis)
        # Ledger, messages, ledger: what was finished in between was not lost.
        missing &= ledger.unfinished()
        being_sent = {run_id for run_id in {run_id for run_id, _ in missing} if self._is_being_sent(run_id)}
        missing = {(run_id, indicator) for run_id, indicator in missing if run_id not in being_sent}
        self._next_search = began + (time.monotonic() - began) / _SEARCH_SHARE
        return _missed_for(self._missed, missing, self._patience_s)

    def _unfinished(self, open_runs: list[ledger.Open]) -> int:
        """How many indicators must have a message."""
        return sum(run.unfinished for run in open_runs if not self._is_being_sent(run.run_id))

    def _is_being_sent(self, run_id: str) -> bool:
        return bool(self._redis.exists(sending_key(run_id)))

    def _send_again(self, lost: list[Owner]) -> int:
        count = 0
        for run_id in {run_id for run_id, _ in lost}:
            only = [indicator for run, indicator in lost if run == run_id]
            tickets = list(unfinished_tickets(runs.find_run(run_id), only))
            for ticket in tickets:
                if not ticket.findings:
                    pace().left(ticket.indicator)  # it is to be admitted again
            count += dispatch(tickets)
            log.warning("run %s: sent %d indicators off again, whose messages were lost", run_id, len(tickets))
        return count


def _missed_for(memory: dict[K, float], missed: set[K], patience_s: float) -> list[K]:
    """What has been missed, look for look, for so long; it is forgotten here, since it is acted upon."""
    now = time.monotonic()
    for key in memory.keys() - missed:
        del memory[key]
    for key in missed:
        memory.setdefault(key, now)
    due = sorted(key for key in missed if now - memory[key] >= patience_s)
    for key in due:
        del memory[key]
    return due


class ReconcilerStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The step of an admission worker that runs the reconciler in a thread, or a greenlet, of its own."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._ended = threading.Event()

    def include_if(self, parent: Any) -> bool:
        return ADMISSION_QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        threading.Thread(target=self._run, name="reconciler", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self._ended.set()

    def _run(self) -> None:
        reconciler = Reconciler(redis_client(), settings().visibility_timeout / 2)
        while not self._ended.wait(_TICK_S):
            try:
                reconciler.look()
            except (*AWAY, DBAPIError, UserError) as error:
                log.info("a store is away: %s", error)
            except Exception:
                log.exception("the reconciler goes on after an error")
