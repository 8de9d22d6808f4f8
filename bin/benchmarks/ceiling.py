"""The ceiling: how many indicators a minute this machine gets through when the LLM answers at once.

Everything is on the one machine: Redis, PostgreSQL, admission, workers and the simulated endpoint, whose work counts
against the ceiling. Each round is a run of its own, sent off before the clock starts and let go at a pace that nothing
reaches; it is over when the last indicator is done. What others do on the machine lowers the ceiling, but hardly the
work for an indicator: so there is also the rate at which that work alone would keep every core busy.
"""

import os

from bin.benchmarks.figures import Figure, Outcome
from bin.benchmarks.meter import Usage, cpu_figures
from bin.benchmarks.stack import stack
from bin.benchmarks.surroundings import say
from config.settings import Settings

_TO_WARM_UP = 100
"""Indicators before the first round: what workers do once, they have done then."""


def measure(settings: Settings, *, indicators: int, rounds: int, workers: int, concurrency: int) -> Outcome:
    """Rounds of so many indicators each, by turns with as many bare chains."""
    ipm: list[float] = []
    bare_ipm: list[float] = []
    used: list[tuple[int, Usage]] = []
    bare: list[tuple[int, Usage]] = []
    with stack(settings, indicators, "--latency", "0", "--latency-sigma", "0") as s:
        s.start(workers, concurrency)
        s.bare_flat_out(min(indicators, _TO_WARM_UP))
        s.flat_out(min(indicators, _TO_WARM_UP))
        for number in range(rounds):
            rate, usage = s.bare_flat_out(indicators)
            bare_ipm.append(rate)
            bare.append((indicators, usage))
            _, rate, usage = s.flat_out(indicators)
            ipm.append(rate)
            used.append((indicators, usage))
            say(f"  round {number + 1} of {rounds}: {ipm[-1]:,.0f} IPM, baseline {bare_ipm[-1]:,.0f}")
    bounds, bare_bounds = (tuple(cpu_bound_ipm(usage, n) for n, usage in each) for each in (used, bare))
    return Outcome(
        "ceiling",
        f"{indicators:,} indicators, LLM latency 0, {workers} workers of {concurrency} tasks each",
        [
            Figure("ceiling", "IPM", tuple(ipm), tuple(bare_ipm)),
            Figure("bound by CPU", "IPM", bounds, bare_bounds),
            *cpu_figures(used, bare),
        ],
        quiet=[usage.quiet for _, usage in used],
    )


def cpu_bound_ipm(usage: Usage, count: int) -> float:
    """Indicators a minute if every core did nothing but the work measured here, the simulator's included."""
    return 60 * (os.cpu_count() or 1) * count / max(sum(usage.cpu_s.values()), 1e-9)
