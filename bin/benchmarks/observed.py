"""What a run of the model shows: the pace it carries, how busy each part is, what waits where, which part gives out.

A whole run of so many indicators is observed as real runs are measured (`bin.benchmarks.fit`), for holding the two
against each other. A window of a run that never ends says what a design carries for good.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bin.benchmarks.model import Design, Model, Process
from bin.benchmarks.service_times import Measured, ServiceTimes
from classify.stages import STAGES

LOTS_A_WINDOW = 1200
"""Lots admitted while a window is observed, more or less: enough for a percentile, and done in a second or two."""
_SHORTEST_S, _LONGEST_S = 10.0, 60.0
_LOOKS = 100
_PLACES = ("places", "admission places")
FULL = 0.85
"""Of a resource that has hardly more to give, so much is busy: what comes unevenly fills nothing to the brim."""
HOLDS = 0.98
"""A pace is held when so much of the target is carried: a window of few lots ends a lot early or late."""


@dataclass(frozen=True)
class Observed:
    """A run of the model, or a window of one.

    Parameters
    ----------
    design
        What was run.
    completed_ipm
        Indicators finished, a minute.
    carried_ipm
        What the stage workers got through, as indicators a minute. When the load is more than the parts can carry, work
        that has begun piles up first, and fewer are finished than are carried for good.
    busy
        Resource → share of its capacity in use, 0 to 1.
    used
        Part → core-seconds a second, under the names of `Measured`.
    in_flight
        Indicators admitted and not finished, on the average.
    growth_per_s
        By how many more they become every second.
    queue
        Messages waiting for a stage worker, on the average.
    waits
        Resource → what waits there, on the average: operations of Redis, statements.
    p50_s, p99_s
        An indicator's way from admission to the end; None when none was finished.
    lot
        Indicators that moved as one.
    """

    design: Design
    completed_ipm: float
    carried_ipm: float
    busy: dict[str, float]
    used: dict[str, float]
    in_flight: float
    growth_per_s: float
    queue: float
    waits: dict[str, float]
    p50_s: float | None
    p99_s: float | None
    lot: int

    @property
    def bottleneck(self) -> str:
        """The resource that is busiest; places, which fill up whatever they wait for, if nothing else is full."""
        busiest, fullest = (
            max((n for n in self.busy if (n in _PLACES) is held), key=lambda n: self.busy[n]) for held in (False, True)
        )
        return fullest if self.busy[busiest] < FULL < self.busy[fullest] else busiest

    @property
    def holds(self) -> bool:
        """Whether the target is carried."""
        return self.carried_ipm >= HOLDS * self.design.ipm

    def saturates_at(self) -> dict[str, float]:
        """Resource → IPM at which it has no more to give, by what it gives now (utilisation law)."""
        return {name: self.carried_ipm / share for name, share in self.busy.items() if share > 0}


@dataclass(frozen=True)
class _Mark:
    """The counts of a model at one moment."""

    at: float
    tasks: int
    finished: int
    calls: int
    in_flight: int
    busy_s: dict[str, float]
    used_s: dict[str, float]


@dataclass
class _Means:
    """What was seen at each look."""

    looks: int = 0
    in_flight: float = 0.0
    queue: float = 0.0
    redis: float = 0.0
    database: float = 0.0
    places: float = 0.0
    admission_places: float = 0.0

    def look(self, model: Model) -> None:
        self.looks += 1
        self.in_flight += model.in_flight
        self.queue += len(model.messages.items)
        self.redis += model.control.waiting + (model.broker.waiting if model.broker is not model.control else 0)
        statements = model.database.waiting + sum(len(w.pool.queue) for w in (*model.workers, *model.admissions))
        self.database += statements
        self.places += _share_taken(model.workers)
        self.admission_places += _share_taken(model.admissions)


def _share_taken(workers: Sequence[Process]) -> float:
    """Of the workers' places."""
    return sum(w.places.count for w in workers) / sum(w.places.capacity for w in workers)


def window(design: Design, times: ServiceTimes, *, seed: int = 0) -> Observed:
    """A window of a run that never ends, once it is under way."""
    per_s = design.ipm / 60
    lot = max(1, round(per_s * _SHORTEST_S / LOTS_A_WINDOW))
    seconds = min(_LONGEST_S, max(_SHORTEST_S, LOTS_A_WINDOW * lot / per_s))
    model = Model(design, times, lot=lot, seed=seed)
    # Until the first are through, and as long again.
    warm_up_s = 5 + 2 * times.llm_calls * design.latency_s
    model.environment.run(until=warm_up_s)
    before, means = _mark(model), _Means()
    for n in range(_LOOKS):
        model.environment.run(until=warm_up_s + seconds * (n + 1) / _LOOKS)
        means.look(model)
    return _observed(model, before, _mark(model), means)


def whole(measured: Measured, design: Design, times: ServiceTimes, *, seed: int = 0) -> Observed:
    """A run of as many indicators as a measured one, observed from when a tenth was done until nine tenths were."""
    model = Model(design, times, indicators=measured.indicators, seed=seed)
    for _ in _until(model, 0.1):
        pass
    before, means = _mark(model), _Means()
    for _ in _until(model, 0.9):
        means.look(model)
    after = _mark(model)
    for _ in _until(model, 1.0):
        pass
    return _observed(model, before, after, means, of_all=True)


def _until(model: Model, share: float) -> Iterator[float]:
    """Run on, in steps, until such a share is finished."""
    assert model.promised is not None
    while len(model.finished) < share * model.promised:
        model.environment.run(until=model.environment.now + 0.1)
        yield model.environment.now


def _mark(model: Model) -> _Mark:
    return _Mark(
        model.environment.now,
        model.tasks_done,
        len(model.finished),
        model.calls,
        model.in_flight,
        dict(model.resources()),
        dict(model.used()),
    )


def _observed(model: Model, before: _Mark, after: _Mark, means: _Means, *, of_all: bool = False) -> Observed:
    design, lot, seconds = model.design, model.lot, after.at - before.at
    a_minute = 60 * lot / seconds
    busy = {name: (after.busy_s[name] - before.busy_s[name]) / seconds for name in after.busy_s}
    busy |= {"places": means.places / means.looks, "admission places": means.admission_places / means.looks}
    if allowed := design.rpm_allowed(model.times.llm.tokens):
        busy["llm limit"] = (after.calls - before.calls) * a_minute / allowed
    finished = model.finished if of_all else model.finished[before.finished : after.finished]
    took = sorted(end - start for start, end in finished)
    return Observed(
        design=design,
        completed_ipm=(after.finished - before.finished) * a_minute,
        carried_ipm=(after.tasks - before.tasks) / (len(STAGES) - 1) * a_minute,
        busy={name: min(1.0, share) for name, share in busy.items()},
        used={name: (after.used_s[name] - before.used_s[name]) / seconds for name in after.used_s},
        in_flight=lot * means.in_flight / means.looks,
        growth_per_s=lot * (after.in_flight - before.in_flight) / seconds,
        queue=lot * means.queue / means.looks,
        waits={"redis": lot * means.redis / means.looks, "database": lot * means.database / means.looks},
        p50_s=took[len(took) // 2] if took else None,
        p99_s=took[int(0.99 * (len(took) - 1))] if took else None,
        lot=lot,
    )
