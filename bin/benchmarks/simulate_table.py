"""The simulations of `bin.benchmarks.simulate` as a person reads them."""

from collections.abc import Sequence

from bin.benchmarks.observed import Observed
from bin.benchmarks.service_times import ServiceTimes
from bin.benchmarks.simulate import BASE_IPM, Agreement, Step
from tasks.pace import MOST_IN_FLIGHT_S

_GROWS = 0.01
"""In flight become more when by so much of the target every second; less is the play of chance."""
_NAMES = {
    "admission": "admission",
    "admission places": "places in admission",
    "workers": "stage workers",
    "places": "places in workers",
    "redis": "Redis",
    "redis queues": "Redis, queues",
    "database": "PostgreSQL, cores",
    "wal": "PostgreSQL, log",
    "llm limit": "limit of the LLM",
    "cores": "cores",
}


def table(times: ServiceTimes, held: Sequence[Agreement], climbs: Sequence[Sequence[Step]]) -> str:
    """All of it."""
    lines = [f"service times of {times.measured_at}, {times.machine['system']}, {times.machine['cpus']} cores"]
    for one in held:
        lines += ["", *_agreement(one)]
    lines += ["", *_saturation(climbs[0][0].observed)]
    for steps in climbs:
        lines += ["", *_climb(steps)]
    return "\n".join(lines)


def _agreement(one: Agreement) -> list[str]:
    m = one.measured
    lines = [
        f"{m.indicators:,} indicators at {m.target_ipm:,g} IPM, {m.workers} workers, latency {m.latency_s:g} s,"
        " all on one machine",
        f"  {'':<18} {'measured':>9} {'simulated':>10} {'':>8}",
    ]
    for name, (real, model) in one.figures().items():
        share = f"{100 * (model / real - 1):+.1f} %" if real else ""
        lines.append(f"  {name:<18} {_shown(real):>9} {_shown(model):>10} {share:>8}")
    return lines


def _saturation(o: Observed) -> list[str]:
    lines = [
        f"as built for {o.design.ipm:,g} IPM ({o.design.workers} workers, 1 core each; {_parts(o)})",
        f"  {'':<18} {'busy':>7} {'full at IPM':>12}",
    ]
    for name, ipm in sorted(o.saturates_at().items(), key=lambda item: item[1]):
        lines.append(f"  {_NAMES[name]:<18} {100 * o.busy[name]:>5.1f} % {ipm:>12,.0f}")
    return lines


def _parts(o: Observed) -> str:
    d = o.design
    return (
        f"{d.admissions} for admission, {d.brokers} Redis,"
        f" {d.databases} PostgreSQL with {d.database_cores} cores, {d.connections} connections"
    )


def _climb(steps: Sequence[Step]) -> list[str]:
    target, last = steps[0].observed.design.ipm, steps[-1].observed
    lines = [
        f"{target:,g} IPM, {target / BASE_IPM:g} x: {_verdict(steps)}",
        f"  {'carried':>9} {'busiest':<24} {'in flight':>10} {'queue':>8} {'p50 s':>7} {'p99 s':>7}",
    ]
    for step in steps:
        o = step.observed
        busiest = f"{_NAMES[o.bottleneck]} {100 * o.busy[o.bottleneck]:.0f} %"
        lines.append(
            f"  {o.carried_ipm:>9,.0f} {busiest:<24} {o.in_flight:>10,.0f} {o.queue:>8,.0f}"
            f" {_shown(o.p50_s):>7} {_shown(o.p99_s):>7}  {step.change}"
        )
        if grows := _growth(o):
            lines.append(f"  {'':>9} {grows}")
    if last.holds:
        lines.append(f"  with {last.design.workers} workers, {_parts(last)}")
    return lines


def _verdict(steps: Sequence[Step]) -> str:
    if steps[0].observed.holds:
        return "carried as built"
    if steps[-1].observed.holds:
        return f"carried after {len(steps) - 1} change{'s' * (len(steps) > 2)}"
    return "not carried, and no change is known that would help"


def _growth(o: Observed) -> str:
    """Where a queue that grows comes to rest: at what back-pressure admits."""
    if o.holds or o.growth_per_s < _GROWS * o.design.ipm / 60:
        return ""
    most = MOST_IN_FLIGHT_S * o.design.ipm / 60
    return (
        f"in flight grow by {o.growth_per_s:,.0f} a second, until back-pressure holds them at {most:,.0f}:"
        f" {60 * most / o.carried_ipm:,.0f} s each"
    )


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
