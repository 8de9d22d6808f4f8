"""The capacity model: what a pace takes (workers, calls in flight, connections, memory, cores), what gives way first.

It multiplies: indicators a second by what each takes. What each takes of the machine was measured, and stands in
`COSTS` with the command that measured it; what each takes of the LLM comes from the runs in the database.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from classify.store import room

PACES = (428.0, 600.0, 800.0, 1200.0, 1500.0, 6000.0)
"""Indicators a minute of the table that bin/plan shows."""
BUSY = 0.7
"""The share of a core that is planned to be in use; the rest is for what comes unevenly."""
SLOWER = 1.25
"""Room for an endpoint that takes a quarter longer than it is said to."""
DEVIATIONS = 3.0
"""Calls in flight are scattered by chance around their mean, with its root for deviation; so many are provided for."""
MOST_CONCURRENCY = 100
"""Tasks in hand of one worker that were measured to work well."""
_HIGHEST_IPM = 1e7


@dataclass(frozen=True)
class Costs:
    """What the parts of the machine spend.

    Parameters
    ----------
    worker_cpu_s, call_cpu_s
        Core-seconds of the stage workers: an indicator that asks nobody, and each call of an LLM on top.
    admission_cpu_s, redis_cpu_s, postgres_cpu_s
        Core-seconds an indicator.
    idle_cores
        What a worker uses that has nothing to do.
    overhead_s
        Seconds that an indicator is in hand in a worker without waiting for the LLM.
    worker_mb, admission_mb
        Memory of a process, its share of shared pages counted (PSS).
    task_mb
        Of a worker, each task in hand on top.
    redis_kb
        Of Redis's memory, an indicator that waits.
    disk_kb
        Of PostgreSQL's disk, an indicator with its sample values, results, calls and classification.
    """

    worker_cpu_s: float
    call_cpu_s: float
    admission_cpu_s: float
    redis_cpu_s: float
    postgres_cpu_s: float
    idle_cores: float
    overhead_s: float
    worker_mb: float
    task_mb: float
    admission_mb: float
    redis_kb: float
    disk_kb: float


# On two shared cores of an x86 server, Python 3.11; the figures are those of
# cpu_s_per_indicator, idle_cores_a_worker, memory_mb, redis_kb_per_indicator and disk_kb_per_indicator that these tell:
#     bin/loadtest --json --ipm 800 --latency 2
#     bin/loadtest --json --ipm 2400 --latency 1 --faults 0 --workers 2 --concurrency 130 --indicators 1800
#     bin/loadtest --json --ipm 2400 --provider rules --workers 2 --indicators 1200
# A call took 0.004 core-seconds in nine workers with little to do and 0.0015 in two busy ones: the mean is taken.
COSTS = Costs(
    worker_cpu_s=0.008,
    call_cpu_s=0.003,
    admission_cpu_s=0.004,
    redis_cpu_s=0.0015,
    postgres_cpu_s=0.004,
    idle_cores=0.005,
    overhead_s=0.3,
    worker_mb=93,
    task_mb=0.2,
    admission_mb=96,
    redis_kb=3.2,
    disk_kb=7.5,
)


@dataclass(frozen=True)
class Demand:
    """What an indicator asks of the LLM, on average.

    Parameters
    ----------
    tokens
        Prompt and completion, as endpoints count them against a limit.
    latency_s
        Mean seconds of a call.
    """

    calls: float
    tokens: float
    latency_s: float


@dataclass(frozen=True)
class Supply:
    """What there is.

    Parameters
    ----------
    cores
        Of the machines that the workers run on.
    database_cores
        Of PostgreSQL's machine; None when it, and Redis, run on the workers' cores.
    connections, reserved
        That PostgreSQL gives, and that it keeps for superusers.
    rpm, tpm
        Limits of the endpoint; None for none.
    concurrency, pool_size
        Of each worker.
    """

    cores: float
    database_cores: float | None
    connections: int
    rpm: float | None
    tpm: float | None
    concurrency: int
    pool_size: int
    reserved: int = 3


@dataclass(frozen=True)
class Fleet:
    """What holds a pace; memory in MB.

    Parameters
    ----------
    calls_in_flight
        On average.
    tasks_in_hand
        Calls and what else tasks do, with head room: the workers' concurrency together is at least this.
    """

    ipm: float
    workers: int
    admissions: int
    calls_in_flight: float
    tasks_in_hand: int
    connections: int
    memory_mb: float
    cores: float


@dataclass(frozen=True)
class Limit:
    """What something bears, in IPM; infinite where it has no limit."""

    name: str
    ipm: float
    why: str
    remedy: str


def fleet(ipm: float, demand: Demand, supply: Supply, workers: int | None = None) -> Fleet:
    """The fleet for a pace: workers enough for the calls in flight, and for the computing around them.

    Parameters
    ----------
    workers
        So many and no others; None for as many as it takes.
    """
    a_second = ipm / 60
    in_flight = a_second * demand.calls * demand.latency_s
    mean = a_second * (SLOWER * demand.calls * demand.latency_s + COSTS.overhead_s)
    in_hand = math.ceil(mean + DEVIATIONS * math.sqrt(mean))
    stages = a_second * (COSTS.worker_cpu_s + demand.calls * COSTS.call_cpu_s)
    admitting = a_second * COSTS.admission_cpu_s
    if workers is None:
        workers = max(1, math.ceil(in_hand / supply.concurrency), math.ceil(stages / (BUSY - COSTS.idle_cores)))
    admissions = max(1, math.ceil(admitting / BUSY))
    cores = stages + admitting + (workers + admissions) * COSTS.idle_cores
    if supply.database_cores is None:
        cores += a_second * (COSTS.redis_cpu_s + COSTS.postgres_cpu_s)
    return Fleet(
        ipm=ipm,
        workers=workers,
        admissions=admissions,
        calls_in_flight=in_flight,
        tasks_in_hand=in_hand,
        connections=room.needed(workers, admissions, supply.pool_size),
        memory_mb=workers * (COSTS.worker_mb + supply.concurrency * COSTS.task_mb) + admissions * COSTS.admission_mb,
        cores=cores,
    )


def minutes(indicators: int, ipm: float, demand: Demand) -> float:
    """From the first admission to the last result."""
    return indicators / ipm + (demand.calls * demand.latency_s + COSTS.overhead_s) / 60


def limits(demand: Demand, supply: Supply) -> list[Limit]:
    """What each part bears, the first to give way first."""
    shared = supply.database_cores is None
    found = [
        Limit(
            "LLM requests a minute",
            supply.rpm / demand.calls if supply.rpm and demand.calls else math.inf,
            f"{supply.rpm or 0:,.0f} at {demand.calls:.2f} an indicator" if supply.rpm else "no limit given",
            "a higher limit of the endpoint, or --provider hybrid, which asks less",
        ),
        Limit(
            "LLM tokens a minute",
            supply.tpm / demand.tokens if supply.tpm and demand.tokens else math.inf,
            f"{supply.tpm or 0:,.0f} at {demand.tokens:,.0f} an indicator" if supply.tpm else "no limit given",
            "a higher limit of the endpoint, or --provider hybrid, which asks less",
        ),
        Limit(
            "workers' CPU",
            _highest(lambda ipm: fleet(ipm, demand, supply).cores <= BUSY * supply.cores),
            f"{BUSY:.0%} of {supply.cores:g} cores" + (", Redis and PostgreSQL on them too" if shared else ""),
            "workers on more cores: another machine" + (", or Redis and PostgreSQL on one of their own" * shared),
        ),
        Limit(
            "connections",
            _highest(lambda ipm: fleet(ipm, demand, supply).connections <= supply.connections),
            f"{supply.connections:,}, of which {supply.pool_size} for each worker of {supply.concurrency} tasks",
            "PostgreSQL's max_connections, or fewer workers with a higher WORKER_CONCURRENCY",
        ),
        Limit(
            "Redis",
            60 * BUSY / COSTS.redis_cpu_s,
            f"{BUSY:.0%} of the one core that it uses",
            "a faster core for Redis; beyond that, a second installation for a part of the indicators",
        ),
    ]
    if supply.database_cores is not None:
        found.append(
            Limit(
                "ledger",
                60 * BUSY * supply.database_cores / COSTS.postgres_cpu_s,
                f"{BUSY:.0%} of PostgreSQL's {supply.database_cores:g} cores",
                "more cores for PostgreSQL",
            )
        )
    return sorted(found, key=lambda limit: limit.ipm)


def _highest(holds: Callable[[float], bool]) -> float:
    """The highest pace at which a need that grows with it is still met; 0 when none is, infinite when all are."""
    low, high = 0.0, _HIGHEST_IPM
    if holds(high):
        return math.inf
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
