"""Whether the pace is exactly what was asked for: over few and many workers, slow and fast, and when things change.

Every scenario is a run of its own with the provider openai against the simulated endpoint, 1 s median latency. What is
measured comes out of the ledger, whose times PostgreSQL's clock makes.
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import text

from bin.benchmarks.fleet import Fleet, endpoint
from bin.benchmarks.surroundings import say
from classify.intake import indicator_from
from classify.samples import generate
from classify.store import engine, facts, runs, sources
from classify.store.runs import Run, Selection
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import start_run
from tasks.pace import CATCH_UP_S, pace

LATENCY_S = 1.0
IN_HAND = 200
"""Stage tasks in hand at a time over all workers, at 800 IPM; more in proportion."""
_GIVE_UP_AFTER = 3.0

Step = tuple[float, Callable[[], object]]
"""Seconds after the start of a run, and what happens then."""


@dataclass
class Result:
    """What a scenario showed: its figures, and what they had to be but were not."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def expect(self, name: str, value: float | None, low: float, high: float) -> None:
        """Note a figure; outside its bounds it is a miss."""
        self.figures[name] = value
        if value is None or not low <= value <= high:
            self.misses.append(f"{name} {value if value is None else format(value, 'g')} not in {low:g} to {high:g}")


class PaceBench:
    """The scenarios, over stores that are ready.

    Parameters
    ----------
    settings
        Where the stores are.
    seconds
        How long a steady scenario lasts.
    """

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds

    def scenarios(self) -> dict[str, Callable[[], Result]]:
        """Name → scenario."""
        found: dict[str, Callable[[], Result]] = {}
        for workers, admissions in ((1, 1), (2, 1), (5, 1), (10, 1), (2, 3)):
            name = f"800 IPM, {workers} workers, {admissions} admission"
            found[name] = lambda n=name, w=workers, a=admissions: self._steady(n, 800, w, a)  # type: ignore[misc]
        found["800 IPM, workers added and killed"] = self._churn
        for ipm in (60, 1500, 2400):
            name = f"{ipm} IPM, 2 workers, 1 admission"
            found[name] = lambda n=name, i=ipm: self._steady(n, i, 2, 1)  # type: ignore[misc]
        found["retarget 800, 1,200, 300 IPM"] = self._retarget
        found["endpoint allows 3,000 RPM, then all"] = self._limited
        found["latency 1 s, 20 s, 1 s"] = self._slow
        return found

    def run(self, names: Iterable[str]) -> list[Result]:
        """Run scenarios one after another."""
        if not sources.count():
            sources.load(indicator_from(record)[0] for record in generate(20_000))
        scenarios = self.scenarios()
        results = []
        for name in names:
            say(name)
            results.append(scenarios[name]())
            say(f"  {line(results[-1])}")
        return results

    def _fleet(self, stack: ExitStack, ipm: float, workers: int, admissions: int) -> Fleet:
        redis_client().flushall()
        llm, folder = stack.enter_context(endpoint("--latency", str(LATENCY_S), "--answers", "rules"))
        fleet: Fleet = stack.enter_context(Fleet(self._settings, llm, folder))
        for _ in range(admissions):
            fleet.start("admission")
        for _ in range(workers):
            fleet.start("worker", _in_hand(ipm, workers))
        fleet.await_ready()
        return fleet

    def _measure(
        self, ipm: float, seconds: float, steps: Sequence[Step] = (), watch: Callable[[], None] = lambda: None
    ) -> Run:
        """A run of so many seconds' worth; `steps` happen on the way, `watch` all the time."""
        batch = start_run(Selection(force=True, limit=math.ceil(ipm * seconds / 60)), ipm=ipm, provider="openai")
        assert batch is not None
        began, due = time.monotonic(), sorted(steps, key=lambda step: step[0])
        while batch.status == "running":
            elapsed = time.monotonic() - began
            while due and elapsed >= due[0][0]:
                due.pop(0)[1]()
            watch()
            if elapsed > _GIVE_UP_AFTER * seconds + 60:
                runs.halt(batch.run_id, "the benchmark gave up waiting")
            time.sleep(0.2)
            runs.close_finished_runs()
            batch = runs.find_run(batch.run_id)
        return batch

    def _steady(self, name: str, ipm: float, workers: int, admissions: int) -> Result:
        with ExitStack() as stack:
            self._fleet(stack, ipm, workers, admissions)
            return _judged(Result(name), self._measure(ipm, self._seconds), ipm)

    def _churn(self) -> Result:
        with ExitStack() as stack:
            fleet = self._fleet(stack, 800, 5, 2)
            half = self._seconds / 2
            more = _in_hand(800, 5)
            steps: list[Step] = [
                (half * 0.5, lambda: fleet.start("worker", more)),
                (half * 0.7, lambda: fleet.start("worker", more)),
                (half * 0.9, lambda: fleet.kill("worker3")),
                (half * 1.1, lambda: fleet.stop("worker4")),
                (half * 1.3, lambda: fleet.kill("admission1")),
            ]
            batch = self._measure(800, self._seconds, steps)
            result = Result("800 IPM, workers added and killed")
            account = facts.report(batch)
            result.expect("admitted_ipm", account["admitted_ipm"], 799.2, 800.8)
            result.expect("failed", account["failed"], 0, 0)
            result.figures["completed_ipm"] = account["completed_ipm"]
            return result

    def _retarget(self) -> Result:
        with ExitStack() as stack:
            self._fleet(stack, 1200, 2, 2)
            targets = [(0.0, 800.0), (30.0, 1200.0), (60.0, 300.0)]
            moments: list[float] = []

            def change(ipm: float) -> None:
                pace().set_target(ipm)
                seconds, microseconds = redis_client().time()
                moments.append(seconds + microseconds / 1e6)

            steps: list[Step] = [(at, lambda ipm=ipm: change(ipm)) for at, ipm in targets]  # type: ignore[misc]
            batch = self._measure(800, 90, steps)
            admitted = _admissions(batch)
            result = Result("retarget 800, 1,200, 300 IPM")
            for i, (_, ipm) in enumerate(targets[1:], start=1):
                start = moments[i] + 1
                end = (moments[i + 1] if i + 1 < len(moments) else admitted[-1]) - 0.5
                inside = [at for at in admitted if start <= at <= end]
                rate = 60 * (len(inside) - 1) / (inside[-1] - inside[0])
                result.expect(f"admitted_ipm from 1 s after {ipm:g}", round(rate, 1), 0.99 * ipm, 1.01 * ipm)
                burst = max(_excess([at for at in admitted if at >= moments[i]], ipm), 0)
                result.expect(f"burst after {ipm:g}, s of target", round(60 * burst / ipm, 2), 0, CATCH_UP_S)
            result.expect("failed", facts.report(batch)["failed"], 0, 0)
            return result

    def _limited(self) -> Result:
        with ExitStack() as stack:
            fleet = self._fleet(stack, 800, 2, 1)
            fleet.llm.control(rpm=3000, burst_s=1)
            seen: dict[str, Any] = {}
            steps: list[Step] = [
                (30, fleet.llm.reset),
                (120, lambda: seen.update(stats=fleet.llm.stats())),
                (120, lambda: fleet.llm.control(rpm=None)),
                (150, lambda: seen.update(factor=pace().now().factor)),
                (180, lambda: seen.update(completed=pace().now().completed_10s_ipm, now=pace().now())),
            ]
            batch = self._measure(800, 190, steps)
            result = Result("endpoint allows 3,000 RPM, then all")
            outcomes = seen["stats"]["outcomes"]
            result.figures["calls"] = sum(outcomes.values())
            refused = result.figures["calls"] - outcomes.get("answered", 0)
            result.expect("refused after 30 s, %", round(100 * refused / result.figures["calls"], 2), 0, 3)
            result.expect("factor 30 s after its end", seen["factor"], 1, 1)
            result.expect("failed", facts.report(batch)["failed"], 0, 0)
            result.figures["completed_ipm at the end"] = seen["completed"]
            return result

    def _slow(self) -> Result:
        with ExitStack() as stack:
            fleet = self._fleet(stack, 800, 2, 1)
            most = 0

            def watch() -> None:
                nonlocal most
                most = max(most, pace().now().in_flight)

            steps: list[Step] = [
                (30, lambda: fleet.llm.control(latency_s=20)),
                (90, lambda: fleet.llm.control(latency_s=LATENCY_S)),
            ]
            batch = self._measure(800, 150, steps, watch)
            result = Result("latency 1 s, 20 s, 1 s")
            result.expect("most in flight", most, 1, 800 + 16)
            result.expect("attempts", _most_attempts(batch), 1, 1)
            result.expect("failed", facts.report(batch)["failed"], 0, 0)
            result.figures["elapsed_s"] = facts.report(batch)["elapsed_s"]
            return result


def _in_hand(ipm: float, workers: int) -> int:
    return math.ceil(IN_HAND * max(1.0, ipm / 800) / workers)


def _judged(result: Result, batch: Run, ipm: float) -> Result:
    account = facts.report(batch)
    result.expect("admitted_ipm", account["admitted_ipm"], 0.999 * ipm, 1.001 * ipm)
    result.expect("completed_ipm", account["completed_ipm"], 0.995 * ipm, 1.005 * ipm)
    result.expect("failed", account["failed"], 0, 0)
    result.figures["worst_10s_ipm"] = account["worst_10s_ipm"]
    result.figures["p50_s"], result.figures["p99_s"] = account["latency_s"]["p50"], account["latency_s"]["p99"]
    return result


def _admissions(batch: Run) -> list[float]:
    """When the run's indicators were admitted, in seconds since the epoch, in order."""
    statement = text("""
        SELECT extract(epoch FROM admitted_at)::float FROM run_indicators
        WHERE run_id = :run_id AND admitted_at IS NOT NULL ORDER BY 1
    """)
    with engine().connect() as connection:
        return list(connection.scalars(statement, {"run_id": batch.run_id}))


def _most_attempts(batch: Run) -> int:
    with engine().connect() as connection:
        statement = text("SELECT max(attempts) FROM run_indicators WHERE run_id = :run_id")
        return int(connection.scalar(statement, {"run_id": batch.run_id}) or 0)


def _excess(times: Sequence[float], ipm: float) -> float:
    """By how many indicators any window, of whatever length, exceeds what the target gives it."""
    lowest, most = math.inf, 0.0
    for n, at in enumerate(times):
        ahead = n - at * ipm / 60
        lowest = min(lowest, ahead)
        most = max(most, ahead - lowest)
    return most


def line(result: Result) -> str:
    """A result on one line."""
    shown = ", ".join(f"{name} {value:g}" if value is not None else name for name, value in result.figures.items())
    return f"{'MISSED ' + '; '.join(result.misses) + ' — ' if result.misses else 'ok — '}{shown}"


def table(results: Sequence[Result]) -> str:
    """The results as a person reads them."""
    width = max(len(result.name) for result in results)
    return "\n".join(f"{result.name:<{width}}  {line(result)}" for result in results)


def as_facts(results: Sequence[Result]) -> dict[str, Any]:
    """The results for `--json`."""
    return {"latency_s": LATENCY_S, "cpus": os.cpu_count(), "scenarios": [asdict(result) for result in results]}
