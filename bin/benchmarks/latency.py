"""What the project adds to the time of an indicator: elapsed from admission to the end, without the LLM's own time.

Every call of the simulated endpoint takes exactly as long as it is told to, so the LLM's own time is that, times the
number of calls; whatever else passes, in the endpoint too, is added. The workers' own clocks around their calls leave
out what passes inside a worker while an answer waits to be noticed: they are shown, and are not the measure.
"""

import math
import time

from sqlalchemy import text

from bin.benchmarks.figures import Figure, Outcome, percentile
from bin.benchmarks.meter import Meter, Usage
from bin.benchmarks.stack import Stack, await_end, run_of, stack
from bin.benchmarks.surroundings import say
from classify.errors import UserError
from classify.store import engine
from classify.store.runs import Run
from config.settings import Settings

_WARM_UP_S = 2.0
_SHARES = {"p50": 0.5, "p99": 0.99}

# Of each indicator that was admitted after the warm-up: elapsed, number of calls, and what the workers say they took.
_TIMES = text("""
    WITH called AS (
        SELECT indicator_id, count(*) AS calls, sum(latency_ms) / 1000 AS timed FROM llm_calls
        WHERE run_id = :run_id GROUP BY indicator_id),
    ledger AS (
        SELECT *, min(admitted_at) OVER () AS began FROM run_indicators WHERE run_id = :run_id)
    SELECT extract(epoch FROM finished_at - admitted_at)::float, coalesce(calls, 0), coalesce(timed, 0)
    FROM ledger LEFT JOIN called USING (indicator_id)
    WHERE admitted_at >= began + make_interval(secs => :warm_up_s)
""")


def measure(
    settings: Settings, *, ipm: int, latency_ms: int, seconds: int, rounds: int, workers: int, in_flight: int
) -> Outcome:
    """Rounds of so many seconds each; `in_flight` is how many the workers have room for together."""
    latency_s = latency_ms / 1000
    count = math.ceil(ipm * (_WARM_UP_S + seconds) / 60)
    added: list[list[float]] = []
    beside_timed: list[list[float]] = []
    bare: list[list[float]] = []
    usages: list[Usage] = []
    with stack(settings, count, "--latency", str(latency_s), "--latency-sigma", "0") as s:
        s.start(workers, math.ceil(in_flight / workers))
        for number in range(rounds):
            bare.append(_bare_chains(s, count, ipm))
            meter = Meter(s.kinds)
            batch = await_end(run_of(count, ipm))
            usages.append(meter.usage())
            times = _times(batch)
            added.append([elapsed - calls * latency_s for elapsed, calls, _ in times])
            beside_timed.append([elapsed - timed for elapsed, _, timed in times])
            say(f"  round {number + 1} of {rounds}: p50 {1000 * percentile(added[-1], 0.5):.0f} ms")
    figures = []
    for name, share in _SHARES.items():
        figures.append(Figure(f"added {name}", "ms", _each(added, share), _each(bare, share)))
        figures.append(Figure(f"added {name}, beside calls as timed by workers", "ms", _each(beside_timed, share)))
    return Outcome(
        "latency",
        f"{ipm:,} IPM, every LLM call {latency_s:g} s, {workers} workers with room for {in_flight} in flight,"
        f" {seconds} s a round",
        figures,
        quiet=[usage.quiet for usage in usages],
    )


def _each(rounds: list[list[float]], share: float) -> tuple[float, ...]:
    return tuple(1000 * percentile(seconds, share) for seconds in rounds)


def _times(batch: Run) -> list[tuple[float, int, float]]:
    with engine().connect() as connection:
        rows = connection.execute(_TIMES, {"run_id": batch.run_id, "warm_up_s": _WARM_UP_S}).all()
    if not rows:
        raise UserError("the run was over before it was warm: give --seconds more")
    return [(elapsed, calls, timed) for elapsed, calls, timed in rows]


def _bare_chains(s: Stack, count: int, ipm: int) -> list[float]:
    """How long bare chains took that were sent after the warm-up."""
    with s.baseline.sending(count, ipm):
        time.sleep(60 * count / ipm)
        s.baseline.await_done(count)
    times = s.baseline.times()
    warm = min(began for began, _ in times) + _WARM_UP_S
    return [ended - began for began, ended in times if began >= warm]
