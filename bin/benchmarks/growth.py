"""What becomes of throughput when workers are added, and of the cost of an indicator when more of them wait.

Workers: the LLM takes a second and each worker has few tasks in hand, so that only waiting bounds what they do; ten of
them should do ten times what one does. The baseline's tasks wait a second where an indicator has calls. Each
number of workers gets as many indicators as keep its places busy for so many seconds.

Queue: with 100,000 indicators sent off, one should cost what it costs with 1,000: in sending, and at a steady pace in
the CPU of every process. The baseline works as fast as it can on a queue as long; seven tasks of it count as a chain.
"""

import math
import time
from collections.abc import Sequence

from sqlalchemy import text

from bin.benchmarks.figures import Figure, Outcome, round_to
from bin.benchmarks.meter import Meter
from bin.benchmarks.stack import Stack, multiply_sources, stack
from bin.benchmarks.surroundings import Quiet, say
from classify.errors import UserError
from classify.store import engine, runs
from classify.store.runs import Run
from config.settings import Settings

CALLS = 4
"""LLM calls of an indicator, about; and tasks of a bare chain that wait."""
_CONCURRENCY = 20
_WARM_UP_S = 3.0
_SETTLE_S = 2.0


def measure(
    settings: Settings,
    *,
    latency_ms: int,
    seconds: int,
    workers: Sequence[int],
    concurrency: int,
    queued: Sequence[int],
    ipm: int,
) -> Outcome:
    """First over numbers of workers, then over lengths of the queue; both in rising order."""
    figures, quiet = _over_workers(settings, latency_ms / 1000, seconds, sorted(workers), concurrency)
    more, parts, more_quiet = _over_queue(settings, seconds, sorted(queued), ipm)
    return Outcome(
        "growth",
        f"workers: LLM latency {latency_ms / 1000:g} s, {concurrency} tasks each; queue: LLM latency 0, {ipm:,} IPM",
        [*figures, *more],
        parts,
        quiet=[*quiet, *more_quiet],
    )


def _over_workers(
    settings: Settings, latency_s: float, seconds: int, workers: Sequence[int], concurrency: int
) -> tuple[list[Figure], list[Quiet]]:
    def worth(number: int) -> int:
        """Indicators that keep all places of so many workers busy for so long."""
        return math.ceil(seconds * number * concurrency / (CALLS * latency_s))

    rates: dict[int, float] = {}
    bare: dict[int, float] = {}
    quiet = []
    options = ("--latency", str(latency_s), "--latency-sigma", "0")
    with stack(settings, max(worth(workers[-1]), 3 * workers[-1] * concurrency), *options, wait_s=latency_s) as s:
        s.start(workers[-1], concurrency)
        running = workers[-1]
        s.flat_out(3 * running * concurrency)  # what every worker does once, it has done then
        for number in reversed(workers):  # all are started at once, which takes long, and then stopped one by one
            s.stop(running - number)
            running = number
            bare[number], _ = s.bare_flat_out(worth(number))
            batch, ipm, usage = s.flat_out(worth(number))
            rates[number] = _as_if_equal(batch, ipm)
            quiet.append(usage.quiet)
            say(f"  {number} workers: {rates[number]:,.0f} IPM, baseline {bare[number]:,.0f}")
    figures = [Figure(f"{n} worker{'s' * (n > 1)}", "IPM", (rates[n],), (bare[n],)) for n in workers]
    one, many = workers[0], workers[-1]
    growth, bare_growth = (each[many] * one / (each[one] * many) for each in (rates, bare))
    name = f"{many} workers / {many / one:g} × {one} worker"
    return [*figures, Figure(name, "×", (growth,), (bare_growth,))], quiet


def _as_if_equal(batch: Run, ipm: float) -> float:
    """A rate as if each indicator had made `CALLS` calls: some make one more or less than others."""
    statement = text("SELECT count(*) FROM llm_calls WHERE run_id = :run_id")
    with engine().connect() as connection:
        return ipm * int(connection.scalar(statement, {"run_id": batch.run_id}) or 0) / (CALLS * batch.total)


def _over_queue(
    settings: Settings, seconds: int, queued: Sequence[int], ipm: int
) -> tuple[list[Figure], dict[str, dict[str, float]], list[Quiet]]:
    """Also what each kind of process has in the cost, in core-milliseconds an indicator."""
    sending: dict[int, float] = {}
    cost: dict[int, float] = {}
    bare: dict[int, float] = {}
    parts: dict[str, dict[str, float]] = {}
    quiet = []
    samples = math.ceil(ipm * (seconds + 10) / 60)  # more than a window admits
    with stack(settings, samples, "--latency", "0", "--latency-sigma", "0") as s:
        multiply_sources(queued[-1])
        s.start(2, _CONCURRENCY)
        for length in queued:
            bare[length] = _bare_chain_ms(s, length, seconds)
            began = time.monotonic()
            batch = s.held_run(length)
            sending[length] = 1000 * (time.monotonic() - began) / length
            s.release(ipm)
            time.sleep(_WARM_UP_S)
            meter, before = Meter(s.kinds), runs.counts(batch.run_id).done
            time.sleep(seconds)
            usage, done = meter.usage(), runs.counts(batch.run_id).done - before
            s.give_up(batch)
            if not done:
                raise UserError(f"no indicator was finished in {seconds} s")
            cost[length] = 1000 * usage.total_s / done
            parts[f"core-ms by kind with {length:,} queued"] = {
                kind: round_to(1000 * used / done, 3) for kind, used in usage.cpu_s.items()
            }
            quiet.append(usage.quiet)
            say(f"  {length:,} queued: {cost[length]:.1f} core-ms an indicator, baseline {bare[length]:.1f}")
    figures = [Figure(f"CPU with {n:,} queued", "core-ms an indicator", (cost[n],), (bare[n],)) for n in queued]
    figures += [Figure(f"sending {n:,}", "ms a chain", (sending[n],)) for n in queued]
    first, last = queued[0], queued[-1]
    name = f"{last:,} queued / {first:,} queued"
    figures.append(Figure(f"CPU, {name}", "×", (cost[last] / cost[first],), (bare[last] / bare[first],)))
    figures.append(Figure(f"sending, {name}", "×", (sending[last] / sending[first],)))
    return figures, parts, quiet


def _bare_chain_ms(s: Stack, length: int, seconds: int) -> float:
    s.baseline.fill(length)
    meter, before = Meter(s.baseline_kinds), s.baseline.chains()
    s.baseline.release()
    time.sleep(seconds)
    chains = s.baseline.chains() - before
    usage = meter.usage()
    s.baseline.drop()
    time.sleep(_SETTLE_S)
    if not chains:
        raise UserError(f"stock workers did nothing in {seconds} s")
    return 1000 * usage.total_s / chains
