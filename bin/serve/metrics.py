"""Prometheus metrics at one address: everything is worked out when it is asked for, so no worker needs a port.

The figures are those of the ledger, so they agree with `bin/verify` and `bin/report`, and outlast restarts.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from bin.live.fleet import Fleet
from classify.store import runs, vitals
from classify.store.gauges import CALL_BOUNDS_S, INDICATOR_BOUNDS_S, Distribution, Gauges, gauges
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from tasks.clients import redis_client
from tasks.pace import pace


def registry(fleet: Fleet) -> CollectorRegistry:
    """A registry with these metrics and nothing else."""
    made = CollectorRegistry()
    made.register(Metrics(fleet))
    return made


class Metrics:
    """A collector; what a store that is away would have said is left out, and `classify_up` says so."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def describe(self) -> list[Metric]:
        """Nothing: so that registering asks no store."""
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("classify_up", "1 when it answers", labels=["part"])
        for part, family in (("database", self._of_database), ("redis", self._of_redis)):
            try:
                yield from list(family())
                up.add_metric([part], 1)
            except (DBAPIError, RedisError, OSError):
                up.add_metric([part], 0)
        yield up
        yield from self._of_workers()

    def _of_database(self) -> Iterator[Metric]:
        found = gauges()
        indicators = CounterMetricFamily(
            "classify_indicators", "Indicators finished, over all runs", labels=["outcome"]
        )
        for outcome in ("done", "failed"):
            indicators.add_metric([outcome], found.indicators[outcome])
        yield indicators
        waiting = GaugeMetricFamily("classify_indicators_unfinished", "Indicators not finished", labels=["status"])
        for status in ("queued", "admitted"):
            waiting.add_metric([status], found.indicators[status])
        yield waiting
        share = CounterMetricFamily("classify_worker_indicators", "Indicators each worker finished", labels=["worker"])
        for worker, count in sorted(found.workers.items()):
            share.add_metric([worker], count)
        yield share
        yield from _of_calls(found)
        whole = HistogramMetricFamily("classify_indicator_latency_seconds", "From admission to the end")
        _add(whole, [], found.whole, INDICATOR_BOUNDS_S)
        yield whole
        yield from self._of_the_run()
        age = vitals.seconds_since_last_row()
        if age is not None:
            yield GaugeMetricFamily("classify_last_row_age_seconds", "Since the last classification", value=age)

    def _of_the_run(self) -> Iterator[Metric]:
        run = runs.running() or runs.latest()
        if run is None:
            return
        counts = runs.counts(run.run_id)
        labels = ["run", "provider", "model", "state"]
        info = GaugeMetricFamily("classify_run_size", "Indicators of the latest run", labels=labels)
        info.add_metric([run.run_id, run.provider, run.model, run.status], run.total)
        yield info
        stand = GaugeMetricFamily("classify_run_indicators", "Of the latest run, by status", labels=["run", "status"])
        for status in ("queued", "admitted", "done", "failed"):
            stand.add_metric([run.run_id, status], getattr(counts, status))
        yield stand

    def _of_redis(self) -> Iterator[Metric]:
        now = pace().now()
        for name, help_text, value in (
            ("classify_pace_target_ipm", "Indicators a minute that are wanted", now.target_ipm),
            ("classify_pace_completed_ipm", "Indicators completed in the last minute", now.completed_ipm),
            ("classify_pace_factor", "Share of the target in force after refusals", now.factor),
            ("classify_in_flight", "Indicators admitted and unfinished", now.in_flight),
            ("classify_in_flight_limit", "How many there may be", now.max_in_flight),
        ):
            yield GaugeMetricFamily(name, help_text, value=value)
        queues = GaugeMetricFamily("classify_queue_length", "Messages waiting", labels=["queue"])
        for queue in (ADMISSION_QUEUE, STAGES_QUEUE):
            queues.add_metric([queue], int(redis_client().llen(queue)))
        yield queues

    def _of_workers(self) -> Iterator[Metric]:
        heard = self._fleet.heard()
        up = GaugeMetricFamily("classify_worker_up", "1 while it is heard", labels=["worker"])
        in_hand = GaugeMetricFamily("classify_worker_tasks_in_hand", "Tasks that run in it", labels=["worker"])
        tasks = CounterMetricFamily("classify_worker_tasks", "Tasks taken since it started", labels=["worker"])
        memory = GaugeMetricFamily("classify_worker_memory_bytes", "The most it has used", labels=["worker"])
        for name, said in heard.items():
            up.add_metric([name], said.state == "up")
            in_hand.add_metric([name], said.in_hand)
            tasks.add_metric([name], said.processed)
            if said.memory_mb is not None:
                memory.add_metric([name], said.memory_mb * 1e6)
        yield from (up, in_hand, tasks, memory)


def _of_calls(found: Gauges) -> Iterator[Metric]:
    labels = ["stage", "model"]
    calls = CounterMetricFamily("classify_llm_calls", "Calls of an LLM", labels=[*labels, "outcome"])
    tokens = CounterMetricFamily(
        "classify_llm_tokens", "Tokens; cached ones are among the prompt's", labels=[*labels, "kind"]
    )
    cost = CounterMetricFamily("classify_llm_cost_usd", "Money, in USD", labels=labels)
    spent: dict[tuple[str, str], list[float]] = {}
    for one in found.calls:
        calls.add_metric([one.stage, one.model, one.outcome], one.count)
        sums = spent.setdefault((one.stage, one.model), [0, 0, 0, 0])
        parts = (one.prompt_tokens, one.cached_tokens, one.completion_tokens, one.cost_usd)
        sums[:] = [before + part for before, part in zip(sums, parts, strict=True)]
    for key, (prompt, cached, completion, usd) in spent.items():
        for kind, count in (("prompt", prompt), ("cached", cached), ("completion", completion)):
            tokens.add_metric([*key, kind], count)
        cost.add_metric([*key], usd)
    latency = HistogramMetricFamily("classify_stage_latency_seconds", "A call of the LLM", labels=["stage"])
    for stage, distribution in found.stages.items():
        _add(latency, [stage], distribution, CALL_BOUNDS_S)
    yield from (calls, tokens, cost, latency)


def _add(family: HistogramMetricFamily, labels: list[str], found: Distribution, bounds: tuple[float, ...]) -> None:
    buckets = [(str(bound), float(n)) for bound, n in zip(bounds, found.at_most, strict=True)]
    family.add_metric(labels, [*buckets, ("+Inf", float(found.count))], sum_value=found.sum_s)
