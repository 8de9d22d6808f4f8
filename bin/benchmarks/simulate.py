"""Where the design breaks as the load grows, and what helps: the model run at each load, changed, and run again.

At each load there are as many workers as it takes, since that is what the design is made for; everything else is as it
was built. Where the target is not carried, the resource that gives out is relieved by the one change that is known for
it, and the model is run again; until the target is carried, or no change is left. Nothing here knows an outcome: every
figure is a simulation's.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bin.benchmarks.model import GATHERED_WITHIN_S, Design
from bin.benchmarks.observed import Observed, whole, window
from bin.benchmarks.service_times import Measured, ServiceTimes
from config.settings import settings

BASE_IPM = 800.0
LOADS: tuple[float, ...] = tuple(BASE_IPM * times for times in (1, 10, 100, 1000))
_MOST_CHANGES = 12
_ROOM = 0.7
"""What is sized for a load is busy by so much of it."""
_BATCH, _GRANT = 50, 100

Change = Callable[[Design, Observed], tuple[Design, str] | None]
"""Gives a changed design and what was changed; None where the change has been made already, or cannot be."""


@dataclass(frozen=True)
class Step:
    """One simulation at a load: what was changed before it, and what it showed."""

    change: str
    observed: Observed


@dataclass(frozen=True)
class Agreement:
    """A measured run, and the model of it."""

    measured: Measured
    observed: Observed

    def figures(self) -> dict[str, tuple[float, float]]:
        """What → as measured, as simulated. Latencies in seconds, the rest as in `Measured`."""
        m, o = self.measured, self.observed
        return {
            "completed IPM": (m.completed_ipm, o.completed_ipm),
            "in flight": (m.in_flight, o.in_flight),
            "p50, s": (m.p50_s, o.p50_s or 0.0),
            "p99, s": (m.p99_s, o.p99_s or 0.0),
            **{f"{part}, cores": (getattr(m, part), o.used[part]) for part in o.used if part != "machine"},
            "machine, share": (m.machine, o.used["machine"]),
            "IPM a machine": (m.completed_ipm / m.machine, o.completed_ipm / o.used["machine"]),
        }


def agreements(times: ServiceTimes) -> list[Agreement]:
    """Every measured run beside the model of it, on the machine that it was measured on."""
    return [Agreement(m, whole(m, _as_measured(m, times), times)) for m in times.runs]


def _as_measured(m: Measured, times: ServiceTimes) -> Design:
    return Design(
        ipm=m.target_ipm,
        workers=m.workers,
        concurrency=m.concurrency,
        latency_s=m.latency_s,
        latency_sigma=m.latency_sigma,
        pool=settings().database_pool_size,
        round_trip_s=0.0,  # what a Unix socket takes is in the processes' own time
        machine_cores=times.machine["cpus"],
    )


def sized(design: Design, ipm: float, times: ServiceTimes) -> Design:
    """The design at a target, with as many workers and places in them as that takes."""
    worker_s = sum(stage.worker_s for stage in [*times.stages.values()][1:])
    workers = max(2, math.ceil(ipm / 60 * worker_s / _ROOM))
    calls = ipm / 60 * times.llm_calls * design.latency_s
    return replace(design, ipm=ipm, workers=workers, concurrency=max(20, math.ceil(2 * calls / workers)))


def climb(design: Design, times: ServiceTimes) -> list[Step]:
    """Simulate a design, and where it does not carry its target, one change after another."""
    steps = [Step("as built", window(design, times))]
    while not steps[-1].observed.holds and len(steps) <= _MOST_CHANGES:
        changed = CHANGES[steps[-1].observed.bottleneck](design, steps[-1].observed)
        if changed is None:
            break
        design, what = changed
        steps.append(Step(what, window(design, times)))
    return steps


def _enough(count: int, observed: Observed, resource: str) -> int:
    """How many of a resource carry the target, by what one carries now."""
    return max(
        math.ceil(1.25 * count), math.ceil(count * observed.design.ipm / observed.saturates_at()[resource] / _ROOM)
    )


def _more_admission(design: Design, observed: Observed) -> tuple[Design, str]:
    count = _enough(design.admissions, observed, observed.bottleneck)
    return replace(design, admissions=count), f"{count} admission workers"


def _more_workers(design: Design, observed: Observed) -> tuple[Design, str]:
    count = _enough(design.workers, observed, "workers")
    places = max(1, math.ceil(design.workers * design.concurrency / count))
    return replace(design, workers=count, concurrency=places), f"{count} workers"


def _more_places(design: Design, observed: Observed) -> tuple[Design, str]:
    count = _enough(design.concurrency, observed, "places")
    return replace(design, concurrency=count), f"{count} places in each worker"


def _relieve_redis(design: Design, observed: Observed) -> tuple[Design, str] | None:
    """The queues on brokers of their own; then, on the one that is left, tokens by the hundred."""
    if design.brokers == 1:
        count = _enough(1, observed, "redis")
        return replace(design, brokers=1 + count), f"queues on {count} brokers, bucket and gate on one more"
    if design.grant == 1:
        return replace(design, grant=_GRANT), f"tokens of bucket and gate by {_GRANT}"
    return None


def _more_brokers(design: Design, observed: Observed) -> tuple[Design, str]:
    count = _enough(design.brokers - 1, observed, "redis queues")
    return replace(design, brokers=1 + count), f"queues on {count} brokers"


def _relieve_database(design: Design, observed: Observed) -> tuple[Design, str]:
    """Batched statements; then more servers."""
    if design.batch == 1:
        within = f"{1000 * GATHERED_WITHIN_S:g} ms"
        return replace(design, batch=_BATCH), f"statements of a worker batched, up to {_BATCH} or {within}"
    return _more_databases(design, observed)


def _more_databases(design: Design, observed: Observed) -> tuple[Design, str]:
    count = _enough(design.databases, observed, observed.bottleneck)
    return replace(design, databases=count), f"ledger partitioned over {count} PostgreSQL servers"


def _raise_limits(design: Design, observed: Observed) -> tuple[Design, str]:
    factor = design.ipm / observed.saturates_at()["llm limit"] / HEADROOM
    changed = replace(design, rpm=design.rpm and design.rpm * factor, tpm=design.tpm and design.tpm * factor)
    limits = [f"{limit:,.0f} {name}" for name, limit in (("RPM", changed.rpm), ("TPM", changed.tpm)) if limit]
    return changed, f"an endpoint that allows {', '.join(limits)}"


HEADROOM = 0.95
"""Of a limit of calls, so much is planned to be used."""

CHANGES: dict[str, Change] = {
    "admission": _more_admission,
    "admission places": _more_admission,
    "workers": _more_workers,
    "places": _more_places,
    "redis": _relieve_redis,
    "redis queues": _more_brokers,
    "database": _relieve_database,
    "wal": _more_databases,
    "llm limit": _raise_limits,
    "cores": lambda design, observed: None,
}
"""Resource → what relieves it."""


def facts(times: ServiceTimes, held: Sequence[Agreement], climbs: Sequence[Sequence[Step]]) -> dict[str, Any]:
    """Everything for `--json`."""
    return {
        "service_times": asdict(times),
        "agreement": [
            {
                "target_ipm": one.measured.target_ipm,
                "latency_s": one.measured.latency_s,
                "figures": {
                    name: {"measured": real, "simulated": model, "difference": _difference(real, model)}
                    for name, (real, model) in one.figures().items()
                },
            }
            for one in held
        ],
        "loads": [
            {
                "ipm": steps[0].observed.design.ipm,
                "holds": steps[-1].observed.holds,
                "steps": [_step_facts(step) for step in steps],
            }
            for steps in climbs
        ],
    }


def _step_facts(step: Step) -> dict[str, Any]:
    o = step.observed
    return {
        "change": step.change,
        "holds": o.holds,
        "bottleneck": o.bottleneck,
        "saturates_at_ipm": o.saturates_at(),
        "connections": o.design.connections,
        **asdict(o),
    }


def _difference(real: float, model: float) -> float | None:
    return model / real - 1 if real else None
