"""One look at a run: the ledger, the pace, the queues and the fleet together, with what follows from them."""

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from bin.live.fleet import Fleet, Heard
from classify.store import runs
from classify.store.glance import NOW_S, Glance, glance
from classify.store.runs import Run
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from tasks.clients import redis_client
from tasks.pace import Now, pace


@dataclass(frozen=True)
class Look:
    """What there was to see.

    Parameters
    ----------
    pace, queues
        None while Redis is away.
    age_s
        How old the counts are, in seconds: not 0 while the database is away.
    took_s
        Seconds that looking took.
    """

    run: Run
    glance: Glance
    pace: Now | None
    queues: dict[str, int] | None
    fleet: dict[str, Heard]
    age_s: float = 0.0
    took_s: float = 0.0

    @property
    def stale(self) -> bool:
        """Whether the database is away, and the counts are from an earlier look."""
        return self.age_s > 0

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.run.status != "running"

    @property
    def complete(self) -> bool:
        """Whether it has ended and all is done."""
        return self.run.status == "done" and self.glance.counts.done == self.run.total

    @property
    def target_ipm(self) -> float:
        """Of the run; of the cluster while the run is on, which may have been changed since."""
        return self.run.target_ipm if self.ended or self.pace is None else self.pace.target_ipm

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run was opened, or that it took."""
        return ((self.run.finished_at or datetime.now(timezone.utc)) - self.run.created_at).total_seconds()

    @property
    def whole_ipm(self) -> float:
        """Indicators a minute from the first admission to the last that was done."""
        worked_s = self.glance.worked_s
        return 60 * self.glance.counts.done / worked_s if worked_s else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds until the run is over by the measured pace; by the target while there is none to measure yet.

        None when it has ended, or stands still.
        """
        if self.ended:
            return None
        latency_s, factor = (self.pace.latency_s, self.pace.factor) if self.pace else (0.0, 1.0)
        begun = self.glance.active_s >= NOW_S + latency_s
        # Of a run that has just begun or goes on again, the last minute says too little; of others, the more.
        rate = max(self.glance.minute_ipm, self.glance.now_ipm) if begun else factor * self.target_ipm
        return 60 * (self.run.total - self.glance.counts.finished) / rate if rate else None

    @property
    def projected_usd(self) -> float:
        """What the whole run will have cost if the rest costs what the finished ones did."""
        finished = self.glance.counts.finished
        spent = self.glance.spending.cost_usd
        return spent if self.ended or not finished else max(spent, spent * self.run.total / finished)


class Watch:
    """Looks at a run again and again; a store that is away is waited for, and what was known is shown meanwhile."""

    def __init__(self, run: Run, fleet: Fleet) -> None:
        self._run = run
        self._fleet = fleet
        self._last: Glance | None = None
        self._at = 0.0

    def look(self) -> Look:
        """Look once.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            When the database is away at the very first look.
        """
        began = time.monotonic()
        try:
            runs.close_finished_runs()
            self._run = runs.find_run(self._run.run_id)
            self._last = glance(self._run.run_id)
            self._at = began
        except DBAPIError:
            if self._last is None:
                raise
        assert self._last is not None
        now, queues = None, None
        try:
            now = pace().now()
            queues = {name: int(redis_client().llen(name)) for name in (ADMISSION_QUEUE, STAGES_QUEUE)}
        except (RedisError, OSError):
            pass
        return Look(self._run, self._last, now, queues, self._fleet.heard(), began - self._at, time.monotonic() - began)
