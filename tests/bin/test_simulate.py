"""bin/bench simulate: its queues against closed formulas, its pipeline against conservation, and against a real run."""

import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simpy import Environment, Event

from bin.benchmarks import fit, observed, operations, simulate
from bin.benchmarks.model import Design, Model
from bin.benchmarks.observed import Observed, whole, window
from bin.benchmarks.service_times import SHIPPED, ServiceTimes, load
from bin.benchmarks.stations import Cores, Gatherer, Log, Station, thinned
from classify.errors import UserError
from classify.stages import STAGES
from config.settings import ROOT, Settings, settings
from tasks.pace import LEAST_IN_FLIGHT_S

TIMES = load()
BUILT = Design(ipm=800, workers=1, concurrency=1, latency_s=0.2)


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "LOTS_A_WINDOW", 300)


def served(station: Station, environment: Environment, rate: float, seconds: float, fixed: bool) -> list[float]:
    """Times that Poisson arrivals spend at a station."""
    chance, took = random.Random(1), []

    def one() -> Iterator[Event]:
        since = environment.now
        yield station.visit(seconds if fixed else chance.expovariate(1 / seconds))
        took.append(environment.now - since)

    def arrivals() -> Iterator[Event]:
        while True:
            yield environment.timeout(chance.expovariate(rate))
            environment.process(one())

    environment.process(arrivals())
    environment.run(until=20_000 / rate)
    return took


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_one_server_waits_as_m_d_1_does(load: float) -> None:
    environment = Environment()
    station = Station(environment)
    took = served(station, environment, rate=load / 0.01, seconds=0.01, fixed=True)
    assert sum(took) / len(took) == pytest.approx(0.01 + load * 0.01 / (2 * (1 - load)), rel=0.1)
    assert station.busy_s / environment.now == pytest.approx(load, rel=0.03)


@pytest.mark.parametrize("load", [0.6, 0.85])
def test_many_servers_wait_as_m_m_c_does(load: float) -> None:
    environment, servers, seconds = Environment(), 3, 0.01
    rate = load * servers / seconds
    station = Station(environment, servers)
    took = served(station, environment, rate, seconds, fixed=False)
    offered = load * servers
    tail = offered**servers / math.factorial(servers) / (1 - load)
    erlang_c = tail / (sum(offered**n / math.factorial(n) for n in range(servers)) + tail)
    expected = seconds + erlang_c * seconds / (servers * (1 - load))
    assert sum(took) / len(took) == pytest.approx(expected, rel=0.1)
    # Little's law: what is there on the average is what comes, times how long it stays.
    assert sum(took) / environment.now == pytest.approx(rate * expected, rel=0.1)


@pytest.mark.parametrize(("servers", "lot"), [(1, 1), (1, 10), (7, 3), (20, 10), (573, 110)])
def test_lots_keep_every_capacity(servers: int, lot: int) -> None:
    kept, slow = thinned(servers, lot)
    assert lot * kept / slow == pytest.approx(servers)


def test_stations_share_cores_and_leave_none_idle() -> None:
    environment = Environment()
    cores = Cores(2)
    stations = [Station(environment, cores=cores) for _ in range(4)]
    visits = [station.visit(1.0) for station in stations for _ in range(3)]
    environment.run(until=environment.all_of(visits))
    assert environment.now == pytest.approx(12 / 2)
    assert cores.busy_s == pytest.approx(12)


def test_a_log_flushes_for_all_that_wait() -> None:
    environment = Environment()
    log = Log(environment, flush_s=0.01, bytes_per_s=1000)

    def writers() -> Iterator[Event]:
        first = log.flush(0)
        yield environment.timeout(0.001)
        yield environment.all_of([first, *(log.flush(10) for _ in range(5))])

    log.flush(1)
    environment.run(until=environment.process(writers()))
    assert environment.now == pytest.approx(0.01 + 0.001 + 0.01 + 0.05)
    assert log.writing_s == pytest.approx(0.051)


def test_rows_are_written_together_and_none_is_left() -> None:
    environment = Environment()
    statements: list[int] = []

    def write(rows: list[float]) -> Iterator[Event]:
        statements.append(len(rows))
        yield environment.timeout(1.0)

    gatherer = Gatherer(environment, write, most=4, within_s=0.1)
    rows = [gatherer.add(0.1) for _ in range(10)]
    environment.run(until=environment.all_of(rows))
    assert statements == [4, 4, 2]
    assert environment.now == pytest.approx(3.1)


def test_what_is_promised_is_finished_and_nothing_twice() -> None:
    model = Model(Design(ipm=3000, workers=3, concurrency=20, latency_s=0.2), TIMES, indicators=300)
    for until in range(1, 30):
        model.environment.run(until=until)
        assert len(model.admitted) == len(model.finished) + model.in_flight
    assert len(model.admitted) == len(model.finished) == 300
    assert model.tasks_done == 300 * (len(STAGES) - 1)
    assert model.calls == pytest.approx(300 * TIMES.llm_calls, rel=0.03)


def test_utilisations_are_demand_times_rate() -> None:
    design = simulate.sized(BUILT, 1600, TIMES)
    o = window(design, TIMES)
    assert o.holds
    per_s, stages = 1600 / 60, [*TIMES.stages.values()]
    worker = sum(stage.worker_s for stage in stages[1:]) * per_s / design.workers + TIMES.idle_s
    assert o.used["worker"] == pytest.approx(worker, rel=0.05)
    assert o.used["database"] == pytest.approx(sum(stage.database_s for stage in stages) * per_s, rel=0.05)
    messages = sum(stage.redis_s for stage in stages)
    beside = TIMES.redis.entered_s + TIMES.redis.left_s + TIMES.llm_calls * TIMES.redis.charge_s
    asked = o.used["redis"] / per_s - messages - beside
    assert TIMES.redis.ask_s * 0.9 < asked < TIMES.redis.ask_s * 4  # it asks again when a token is due
    # Little's law over the whole pipeline.
    assert o.p50_s is not None
    assert o.in_flight == pytest.approx(per_s * o.p50_s, rel=0.1)


def test_a_window_of_lots_is_as_one_of_single_indicators() -> None:
    design = Design(ipm=6000, workers=6, concurrency=60, latency_s=0.2)
    shares = []
    for lot in (1, 3):
        model = Model(design, TIMES, lot=lot)
        model.environment.run(until=5)
        before, tasks = dict(model.resources()), model.tasks_done
        model.environment.run(until=12)
        busy = {name: (seconds - before[name]) / 7 for name, seconds in model.resources().items()}
        shares.append({**busy, "tasks": (model.tasks_done - tasks) * lot / 6000})
    for name in ("redis", "database", "workers", "tasks"):
        assert shares[0][name] == pytest.approx(shares[1][name], rel=0.08), name


def test_more_workers_never_carry_less_and_back_pressure_bounds_what_is_in_flight() -> None:
    carried = []
    for workers in (1, 2, 4):
        design = Design(ipm=6000, workers=workers, concurrency=100, latency_s=0.5)
        o = window(design, TIMES)
        carried.append(o.carried_ipm)
    assert carried[0] < 0.6 * carried[1] < 0.7 * carried[2]
    model = Model(Design(ipm=6000, workers=1, concurrency=50), TIMES)
    for until in range(1, 30):
        model.environment.run(until=until)
        assert model.in_flight <= model.most_in_flight + 20
    assert model.in_flight > LEAST_IN_FLIGHT_S * 6000 / 60 - 20


def slowed(**factors: float) -> ServiceTimes:
    """The times with those of a part multiplied."""
    stages = {
        name: replace(s, **{part: getattr(s, part) * factor for part, factor in factors.items() if hasattr(s, part)})
        for name, s in TIMES.stages.items()
    }
    redis = replace(TIMES.redis, gate_s=TIMES.redis.gate_s * factors.get("gate_s", 1))
    database = replace(TIMES.database, wal_bytes=TIMES.database.wal_bytes * factors.get("wal_bytes", 1))
    return replace(TIMES, stages=stages, redis=redis, database=database)


@pytest.mark.parametrize(
    ("times", "start", "bottleneck"),
    [
        (slowed(worker_s=30, redis_s=0.1), BUILT, "admission"),
        (slowed(redis_s=150), BUILT, "redis"),
        (slowed(gate_s=400), replace(BUILT, brokers=3, rpm=1e6), "redis"),
        (slowed(redis_s=300), replace(BUILT, brokers=2), "redis queues"),
        (slowed(database_s=250), BUILT, "database"),
        (slowed(database_s=100), replace(BUILT, database_cores=1, batch=50), "database"),
        (slowed(wal_bytes=20_000), BUILT, "wal"),
        (TIMES, replace(BUILT, rpm=3000), "llm limit"),
    ],
)
def test_what_gives_out_is_named_and_its_change_relieves_it(
    times: ServiceTimes, start: Design, bottleneck: str
) -> None:
    before = window(simulate.sized(start, 2400, times), times)
    assert not before.holds
    assert before.bottleneck == bottleneck
    changed = simulate.CHANGES[bottleneck](before.design, before)
    assert changed is not None
    after = window(changed[0], times)
    assert after.carried_ipm > 1.1 * before.carried_ipm
    assert after.busy.get(bottleneck, 0) < before.busy[bottleneck] or after.bottleneck == bottleneck


def test_a_limit_of_the_endpoint_is_what_is_carried() -> None:
    o = window(simulate.sized(replace(BUILT, rpm=4000), 2000, TIMES), TIMES)
    assert o.bottleneck == "llm limit"
    assert 0.97 < o.busy["llm limit"] <= 1
    assert 0.9 < o.carried_ipm / (4000 / TIMES.llm_calls) < 1.03


def test_the_climb_ends_where_the_target_is_carried() -> None:
    steps = simulate.climb(simulate.sized(BUILT, 40_000, TIMES), TIMES)
    assert len(steps) > 1
    assert not steps[0].observed.holds
    assert steps[-1].observed.holds
    assert steps[-1].observed.carried_ipm == pytest.approx(40_000, rel=0.03)


def test_the_model_agrees_with_the_measured_run() -> None:
    one = simulate.agreements(TIMES)[0]
    assert one.measured.target_ipm == simulate.BASE_IPM
    within = {"completed IPM": 0.02, "in flight": 0.15, "p50, s": 0.15, "p99, s": 0.25, "machine, share": 0.5}
    for name, tolerance in within.items():
        real, model = one.figures()[name]
        assert model == pytest.approx(real, rel=tolerance), name


def test_a_whole_run_is_observed_to_its_end() -> None:
    measured = replace(TIMES.runs[0], indicators=200)
    o: Observed = whole(measured, Design(ipm=800, workers=2, concurrency=100, machine_cores=2), TIMES)
    assert o.completed_ipm == pytest.approx(800, rel=0.05)
    assert 0 < o.used["machine"] < 1


@pytest.mark.parametrize(("content", "complaint"), [("{}", "command"), ("no json", "JSON"), (None, "No such file")])
def test_a_file_of_something_else_is_one_line(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "times.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=complaint) as raised:
        load(path)
    assert "\n" not in str(raised.value)


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    TIMES.save(tmp_path / "times.json")
    assert load(tmp_path / "times.json") == TIMES == load(SHIPPED)


def test_the_command_prints_facts() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bin.commands.bench", "simulate", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)

    facts = json.loads(run("--ipm", "400", "--json").stdout)
    (load_,) = facts["loads"]
    assert load_["holds"]
    assert load_["steps"][0]["change"] == "as built"
    assert facts["agreement"][0]["figures"]["completed IPM"]["simulated"] > 0
    said = run("--ipm", "400", "--workers-and-more", "3")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    for where in ("--times", "--fit"):
        said = run(where, "nowhere/at/all.json")
        assert (said.returncode, said.stderr.count("\n")) == (2, 1)
        assert "No such file" in said.stderr


@pytest.fixture
def endpoint_named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever starts a run has to have heard of an endpoint, as bin/bench sees to."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.benchmarks
@pytest.mark.usefixtures("endpoint_named")
def test_a_fit_measures_this_machine(clean_tables: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "_CHAINS", 60)
    monkeypatch.setattr(fit, "_IDLE_FOR_S", 0.5)
    monkeypatch.setattr(fit, "_RUNS", ((1200.0, 0.0, 3.0),))
    monkeypatch.setattr(fit, "_WORKERS", 1)
    monkeypatch.setattr(operations, "_DISK_BYTES", 4_000_000)
    monkeypatch.setattr(operations, "_OPERATIONS", 200)
    monkeypatch.setattr(operations, "_ROWS", 200)
    times = fit.fit(clean_tables, "a test", lambda text: None)
    assert [*times.stages] == [stage.name for stage in STAGES]
    assert [round(stage.llm_calls) for stage in times.stages.values()] == [0, 1, 0, 1, 1, 1, 0]
    for stage in times.stages.values():
        assert 0 < stage.worker_s < 0.2
        assert 0 < stage.database_s < 0.1
    assert 0 < times.redis.ask_s < 0.01
    assert times.database.wal_bytes > 100
    assert times.database.flush_s > 0
    (run,) = times.runs
    assert run.indicators == 60
    assert run.completed_ipm > 0
    assert 0 < run.p50_s <= run.p99_s
    assert window(Design(ipm=100, workers=1, concurrency=50), times).holds
