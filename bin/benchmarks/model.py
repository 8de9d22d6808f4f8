"""The pipeline as a discrete-event model: bucket, queues, workers, LLM, PostgreSQL; fitted to measured service times.

An indicator goes through the model as its messages go through the real one: an admission worker takes it and asks the
bucket; the next stage is taken off the queue by a worker with a free place, which recalls, and then runs this stage
and those after it: asks the LLM, behind the gate where there is a limit, keeps the answer, carries on. What each step
costs is in `bin.benchmarks.service_times`, as measured under load: with little to do, everything takes up to twice as
long, since caches are cold. Crashes, refusals of the endpoint and the reconciler are not in it: it says what the parts
can carry, not what happens when they break.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from simpy import Environment, Resource, Store
from simpy.resources.resource import Request

from bin.benchmarks.service_times import ServiceTimes, StageTimes
from bin.benchmarks.stations import Cores, Gatherer, Log, Station, Steps, thinned
from bin.commands.admission import CONCURRENCY as ADMISSIONS_AT_ONCE
from classify.stages import STAGES
from tasks.pace import CATCH_UP_S, LEAST_IN_FLIGHT_S, MOST_IN_FLIGHT_S

_LONGEST_WAIT_S = 0.25
_HELD_BACK_S = 0.05
_GATE_BURST_S = 0.5
_IDLE_EVERY_S = 0.25
_PARTS = 3
"""A worker's time for a stage comes in so many equal parts: taking the message, asking, keeping the answer."""
GATHERED_WITHIN_S = 0.02
"""Batched writes: how long the first row waits for others."""


@dataclass(frozen=True)
class Design:
    """What is built, how it is scaled, and what is asked of it.

    Parameters
    ----------
    ipm
        The target, in indicators a minute.
    workers, concurrency
        Stage workers, each with one core, and tasks in hand at a time in each.
    admissions
        Admission workers.
    brokers
        Redis servers. Of several, the first has the bucket and the gate, and the others share the queues.
    databases, database_cores
        PostgreSQL servers over which indicators are spread by their id, and the cores of each.
    batch
        Rows that a worker has read or written with one statement, at the most; 1 is a statement a row.
    grant
        Tokens of the bucket and the gate that a worker takes at a time, and indicators it reports in flight at a time.
    rpm, tpm
        What the endpoint allows, over the whole cluster; None for no limit.
    latency_s, latency_sigma
        Median of its latency, and the deviation of its logarithm.
    pool
        Connections to PostgreSQL of each process.
    round_trip_s
        Of the network, for each command of Redis and each statement.
    machine_cores
        Everything on one machine with so many cores, a simulated endpoint included; None: every part has its own.
    """

    ipm: float
    workers: int
    concurrency: int
    admissions: int = 1
    brokers: int = 1
    databases: int = 1
    database_cores: int = 8
    batch: int = 1
    grant: int = 1
    rpm: float | None = None
    tpm: float | None = None
    latency_s: float = 1.0
    latency_sigma: float = 0.3
    pool: int = 4
    round_trip_s: float = 0.0005
    machine_cores: int | None = None

    @property
    def connections(self) -> int:
        """To PostgreSQL, over all processes."""
        return (self.workers + self.admissions) * self.pool

    def rpm_allowed(self, tokens: float) -> float | None:
        """Calls a minute that both limits allow, at so many tokens a call."""
        limits = [limit for limit in (self.rpm, self.tpm and self.tpm / tokens) if limit]
        return min(limits, default=None)


class Process:
    """An admission or stage worker: one thread, places for tasks, a pool of connections.

    Parameters
    ----------
    places
        Tasks in hand at a time.
    slow
        See `Station`.
    """

    def __init__(self, model: "Model", places: int, slow: float) -> None:
        self.thread = Station(model.environment, 1, slow, model.cores)
        self.places = Resource(model.environment, places)
        self.pool = Resource(model.environment, model.design.pool)
        self.slow = slow
        self.fetching_s = 0.0
        """Seconds that its one consumer was busy up to now, but for waiting at Redis, for the bucket or for a place."""
        self._model = model
        d, gather = model.design, model.environment
        self._reads = Gatherer(gather, lambda rows: self._statement(rows, writes=False), d.batch, GATHERED_WITHIN_S)
        self._writes = Gatherer(gather, lambda rows: self._statement(rows, writes=True), d.batch, GATHERED_WITHIN_S)
        model.environment.process(self._idle())

    def statement(self, seconds: float, *, writes: bool) -> Steps:
        """One row read or written."""
        if self._model.design.batch == 1:
            yield from self._statement([seconds], writes=writes)
        else:
            yield (self._writes if writes else self._reads).add(seconds)

    def _statement(self, rows: list[float], *, writes: bool) -> Steps:
        model, fixed = self._model, self._model.times.database.fixed_share
        with self.pool.request() as connection:
            yield connection
            yield from model.round_trip()
            yield model.database.visit(fixed * max(rows) + (1 - fixed) * sum(rows))
            if writes:
                yield model.log.flush(model.wal_bytes * len(rows))
            yield self.thread.visit(0)  # a greenlet lets go of its connection when it has its turn again

    def fetch(self, redis: Station, redis_s: float, thread_s: float = 0.0) -> Steps:
        """A round trip of the consumer, and what it does with what comes back."""
        model = self._model
        round_trip_s = model.design.round_trip_s * self.slow
        if round_trip_s:
            yield model.environment.timeout(round_trip_s)
        yield redis.visit(redis_s)
        since = model.environment.now
        if thread_s:
            yield self.thread.visit(thread_s)
        self.fetching_s += round_trip_s + redis_s * self.slow + model.environment.now - since

    def _idle(self) -> Steps:
        """What it does even when there is nothing to do: waiting for messages, renewing leases, heartbeats."""
        while True:
            yield self._model.environment.timeout(_IDLE_EVERY_S)
            yield self.thread.visit(self._model.times.idle_s * _IDLE_EVERY_S / self.slow)


class Model:
    """The whole of it; `environment` is simpy's, and runs it.

    Parameters
    ----------
    design
        What is built.
    times
        What its parts take.
    indicators
        How many there are; None for a queue that never ends.
    lot
        Indicators that move as one: see `bin.benchmarks.stations`.
    seed
        Of the latencies.
    """

    def __init__(
        self, design: Design, times: ServiceTimes, *, indicators: int | None = None, lot: int = 1, seed: int = 0
    ) -> None:
        self.design, self.times, self.lot = design, times, lot
        self.environment = Environment()
        self.random = random.Random(seed)
        self.cores = Cores(design.machine_cores)
        env = self.environment

        self.control = Station(env, 1, lot, self.cores)
        self.broker = self.control
        if design.brokers > 1:
            self.broker = Station(env, *thinned(design.brokers - 1, lot))
        self.database = Station(env, *thinned(design.databases * design.database_cores, lot), self.cores)
        self.log = Log(env, times.database.flush_s, times.database.wal_bytes_per_s)
        self.wal_bytes = times.database.wal_bytes * lot / design.databases
        self.endpoint = Station(env, 1, 1, self.cores)

        self.admissions = self._processes(design.admissions, ADMISSIONS_AT_ONCE)
        self.workers = self._processes(design.workers, design.concurrency)
        self.messages = Store(env)

        self.promised = indicators
        self.begun = 0
        self.admitted: list[float] = []
        """When each was admitted; seconds."""
        self.finished: list[tuple[float, float]] = []
        """When each was admitted, and when it was done."""
        self.tasks_done = 0
        self.calls = 0
        self._due = self._call_due = 0.0
        self._latency_s: float | None = None
        for worker in self.admissions:
            env.process(self._admit(worker))
        for worker in self.workers:
            env.process(self._take(worker))

    def _processes(self, number: int, places: int) -> list[Process]:
        """So many workers with so many places each, or the fewer that stand for them."""
        count, slow = thinned(number, self.lot)
        return [Process(self, max(1, round(places * number / self.lot / count)), slow) for _ in range(count)]

    @property
    def in_flight(self) -> int:
        """Lots admitted and not finished."""
        return len(self.admitted) - len(self.finished)

    @property
    def most_in_flight(self) -> float:
        """Lots beyond which no more are admitted: back-pressure, as `tasks.pace` has it."""
        worth_s = max(LEAST_IN_FLIGHT_S, min(MOST_IN_FLIGHT_S, 2 * (self._latency_s or 0)))
        return max(20, math.ceil(worth_s * self.design.ipm / 60)) / self.lot

    def round_trip(self) -> Steps:
        """The way to a server and back."""
        if self.design.round_trip_s:
            yield self.environment.timeout(self.design.round_trip_s)

    def _ask_bucket(self) -> float:
        """Take a token: 0.0, or the seconds until it is worth asking again."""
        now, interval = self.environment.now, 60 * self.lot / self.design.ipm
        if self.in_flight >= self.most_in_flight:
            self._due = max(self._due, now)
            return _HELD_BACK_S
        if now - self._due > CATCH_UP_S:
            self._due = now
        if self._due > now + 1e-9:
            return self._due - now
        self._due += interval
        return 0.0

    def _counted(self, seconds: float) -> float:
        """What counting an indicator takes, when as many are counted at a time as are granted at a time."""
        fixed = self.times.redis.fixed_share
        return seconds * (fixed / self.design.grant + 1 - fixed)

    def _admit(self, worker: Process) -> Steps:
        """An admission worker's consumer: a message, a token, a place, and on."""
        env, stage = self.environment, self.times.stages[STAGES[0].name]
        ask_s = self.times.redis.ask_s / self.design.grant
        while self.promised is None or self.begun < self.promised:
            self.begun += self.lot
            yield from worker.fetch(self.broker, stage.redis_s / 2, stage.worker_s / _PARTS)
            while True:
                yield from worker.fetch(self.control, ask_s)
                wait = self._ask_bucket()
                if not wait:
                    break
                yield env.timeout(min(wait, _LONGEST_WAIT_S))
            place = worker.places.request()
            yield place
            env.process(self._normalize(worker, place))

    def _normalize(self, worker: Process, place: Request) -> Steps:
        stage = self.times.stages[STAGES[0].name]
        yield worker.thread.visit(stage.worker_s / _PARTS)
        yield from worker.statement(stage.database_s / 3, writes=True)
        admitted_at = self.environment.now
        self.admitted.append(admitted_at)
        yield from self.round_trip()
        yield self.control.visit(self._counted(self.times.redis.entered_s))
        yield from worker.statement(stage.database_s / 3, writes=False)
        yield from worker.statement(stage.database_s / 3, writes=True)
        yield worker.thread.visit(stage.worker_s / _PARTS)
        yield from self._hand_on(stage, (admitted_at, 1))
        worker.places.release(place)

    def _hand_on(self, stage: StageTimes, message: tuple[float, int]) -> Steps:
        """Push the next stage's message, and acknowledge this one's."""
        yield from self.round_trip()
        yield self.broker.visit(stage.redis_s / 2)
        self.messages.put(message)

    def _take(self, worker: Process) -> Steps:
        """A stage worker's consumer: a place, a message, and on."""
        env = self.environment
        while True:
            place = worker.places.request()
            yield place
            admitted_at, number = yield self.messages.get()
            stage = self.times.stages[STAGES[number].name]
            yield from worker.fetch(self.broker, stage.redis_s / 2, stage.worker_s / _PARTS)
            env.process(self._work(worker, place, stage, admitted_at, number))

    def _work(self, worker: Process, place: Request, stage: StageTimes, admitted_at: float, number: int) -> Steps:
        """A chain's stages from the one that was taken off the queue to the last: it stays with the worker."""
        taken = True
        while number < len(STAGES) - 1:
            if taken:
                yield from worker.statement(stage.database_s / 2, writes=False)
            yield worker.thread.visit(stage.worker_s / _PARTS)
            if self.random.random() < stage.llm_calls:
                yield from self._call()
            yield from worker.statement(stage.database_s / (2 if taken else 1), writes=True)
            yield worker.thread.visit(stage.worker_s / _PARTS)
            self.tasks_done += 1
            number, taken = number + 1, False
            following = self.times.stages[STAGES[number].name]
            yield from self.round_trip()
            yield self.broker.visit((stage.redis_s + following.redis_s) / 2)
            stage = following
            yield worker.thread.visit(stage.worker_s / _PARTS)
        yield worker.thread.visit(stage.worker_s / _PARTS)
        yield from worker.statement(stage.database_s, writes=True)
        self._finish(admitted_at)
        yield from self.round_trip()
        yield self.control.visit(self._counted(self.times.redis.left_s))
        yield worker.thread.visit(stage.worker_s / _PARTS)
        yield from self.round_trip()
        yield self.broker.visit(stage.redis_s / 2)
        self.tasks_done += 1
        worker.places.release(place)

    def _finish(self, admitted_at: float) -> None:
        now = self.environment.now
        self.finished.append((admitted_at, now))
        before = now - admitted_at if self._latency_s is None else self._latency_s
        # One in twenty counts, as in `tasks.pace`; a lot is many.
        self._latency_s = before + (1 - 0.95**self.lot) * (now - admitted_at - before)

    def _call(self) -> Steps:
        """A call of the LLM, behind the gate where there is a limit."""
        d, env, redis = self.design, self.environment, self.times.redis
        allowed = d.rpm_allowed(self.times.llm.tokens)
        while allowed:
            yield from self.round_trip()
            yield self.control.visit(redis.gate_s / d.grant)
            due = max(self._call_due, env.now - _GATE_BURST_S)
            if due <= env.now:
                self._call_due = due + 60 * self.lot / allowed
                break
            yield env.timeout(min(due - env.now, 1.0) * self.random.uniform(1.0, 1.5))
        self.calls += 1
        if d.machine_cores:
            yield self.endpoint.visit(self.times.llm.simulator_s)
        if d.latency_s:
            yield env.timeout(d.latency_s * self.random.lognormvariate(0, d.latency_sigma))
        # A simulated endpoint costs nothing, and so nothing is charged.
        if not d.machine_cores:
            yield from self.round_trip()
            yield self.control.visit(self._counted(redis.charge_s))

    def resources(self) -> Mapping[str, float]:
        """Resource → seconds for which one server of it, on the average over its servers, has been busy up to now."""
        busy = {
            "admission": _mean([max(w.thread.busy_s, w.fetching_s) for w in self.admissions]),
            "workers": _mean([max(w.thread.busy_s, w.fetching_s) for w in self.workers]),
            "redis": self.control.busy_s,
            "database": self.database.busy_s / self.database.servers,
            "wal": self.log.writing_s,
        }
        if self.broker is not self.control:
            busy["redis queues"] = self.broker.busy_s / self.broker.servers
        if self.cores.count:
            busy["cores"] = self.cores.busy_s / self.cores.count
        return busy

    def used(self) -> Mapping[str, float]:
        """Part → core-seconds up to now, under the names of `Measured`; of one worker, and of all of PostgreSQL."""
        return {
            "admission": _mean([w.thread.busy_s for w in self.admissions]),
            "worker": _mean([w.thread.busy_s for w in self.workers]),
            "redis": self.control.busy_s,
            "database": self.database.busy_s,
            "machine": self.cores.busy_s / (self.cores.count or 1),
        }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
