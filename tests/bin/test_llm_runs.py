"""Whole runs against the simulated endpoint, with real workers: faults, halts, the bill, and what must not be told."""

import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from bin.embedded import processes
from bin.live.fleet import Fleet
from bin.live.look import Watch
from classify.indicator import Indicator
from classify.intake import indicator_from
from classify.samples import generate
from classify.stages import QUESTIONS
from classify.store import engine, facts, runs, sources
from classify.store.tables import metadata
from config.settings import ROOT, Settings
from tasks.celery import app
from tasks.clients import redis_client
from tests.bin.figures import counted, told

KEY = "sk-planted-7f3a9c51e2"
REAL = ROOT.parent / "shared" / "data" / "indicators_10903.jsonl.gz"
FAULTS = {"fail_429": 0.2, "fail_500": 0.05, "drop": 0.02, "hang": 0.01, "rubbish": 0.02, "retry_after_s": 0.1}
NONE = {**dict.fromkeys(FAULTS, 0), "retry_after_s": 1}
WORKERS = {"admission": "admission", "worker1": "worker", "worker2": "worker"}


class Cluster:
    """The simulator, an admission worker and two stage workers, and commands as a person runs them."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = environment

    def control(self, **knobs: Any) -> None:
        self._open("control", knobs)

    def stats(self, *, reset: bool = False) -> dict[str, Any]:
        return self._open("stats/reset", {}) if reset else self._open("stats")

    def _open(self, path: str, facts: dict[str, Any] | None = None) -> Any:
        body = None if facts is None else json.dumps(facts).encode()
        with urllib.request.urlopen(f"{self.url}/{path}", body, timeout=10) as answer:
            return json.load(answer)

    def command(self, command: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"bin.commands.{command}", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            check=False,
        )

    def classify(self, count: int, prefix: str, *options: str) -> subprocess.CompletedProcess[str]:
        """A followed run over `count` samples of its own."""
        made = (indicator_from(record)[0] for record in generate(count))
        sources.load([i.model_copy(update={"id": f"{prefix}_{i.id}"}) for i in made])
        self.stats(reset=True)
        return self.command("enqueue", "--ipm", "6000", "--follow", *options)


@pytest.fixture(scope="module")
def cluster(stores: Settings) -> Iterator[Cluster]:
    _empty()
    command = [sys.executable, "-m", "bin.commands.simulate_llm", "--port", "0", "--latency", "0.02"]
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert simulator.stdout is not None
        url = simulator.stdout.readline().strip()
        environment = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": url,
            "OPENAI_TIMEOUT": "1.5",
            "PROVIDER": "openai",
            "LOG_LEVEL": "DEBUG",
        }
        for name, module in WORKERS.items():
            python = [sys.executable, "-m", f"bin.commands.{module}", "--name", name]
            processes.spawn(stores, name, python, environment)
        yield Cluster(url, environment)
    finally:
        processes.stop(stores, WORKERS)
        simulator.kill()
        simulator.communicate()
        _empty()


def _empty() -> None:
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with engine().connect() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    redis_client().flushall()


@pytest.fixture(autouse=True)
def no_faults(cluster: Cluster) -> None:
    cluster.control(**NONE, unauthorized_after=None, quota_after=None)
    redis_client().delete("pace:slowed")


def the_bill_is_right(cluster: Cluster, run_id: str) -> None:
    """What is recorded is what the endpoint has counted, and no answer was paid for twice."""
    recorded = facts.report(runs.find_run(run_id))
    told = cluster.stats()
    for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
        assert recorded[name] == told[name]
    assert recorded["llm_calls"] == told["requests"]
    with engine().connect() as connection:
        good = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT (indicator_id, stage)) FROM llm_calls"
                " WHERE run_id = :run_id AND outcome = 'ok'"
            ),
            {"run_id": run_id},
        ).one()
    assert good[0] == good[1]


@pytest.mark.faults
def test_faults_cost_time_and_nothing_else(cluster: Cluster) -> None:
    cluster.control(**FAULTS)
    followed = cluster.classify(25, "FAULTS")
    assert followed.returncode == 0, followed.stderr
    run = runs.find_run()
    proof = facts.verify(run.run_id)
    assert (proof.ok, proof.classified, proof.distinct) == (True, 25, 25)
    assert run.model == "simulated-gpt-5-mini"
    the_bill_is_right(cluster, run.run_id)
    outcomes = facts.report(run)["outcomes"]
    assert outcomes["rate-limited"] > 5
    assert "$" in followed.stderr
    report = cluster.command("report").stdout
    assert "by stage" in report
    assert "rate-limited" in report


def halted(cluster: Cluster, followed: subprocess.CompletedProcess[str], words: str) -> runs.Run:
    run = runs.find_run()
    assert followed.returncode == 1, followed.stderr
    assert (run.status, run.finished_at) == ("halted", None)
    said = [line for line in followed.stderr.splitlines() if "halted" in line]
    assert len(said) == 1
    assert words in said[0]
    assert run.run_id in said[0]
    report = cluster.command("report")
    assert report.returncode == 1
    assert words in report.stdout.splitlines()[0]
    return run


def resumed(cluster: Cluster, run: runs.Run, *options: str) -> None:
    again = cluster.command("enqueue", "--resume", run.run_id, "--follow", *options)
    assert again.returncode == 0, again.stderr
    assert "still to do" in again.stdout
    assert facts.verify(run.run_id).ok
    the_bill_is_right(cluster, run.run_id)
    assert "nothing to do" in cluster.command("enqueue", "--resume", run.run_id).stdout


@pytest.mark.parametrize(
    ("knob", "words"), [("unauthorized_after", "refuses the key"), ("quota_after", "the quota is exhausted")]
)
def test_a_run_without_key_or_quota_halts_and_is_resumed(cluster: Cluster, knob: str, words: str) -> None:
    cluster.control(**{knob: 60})
    began = time.monotonic()
    run = halted(cluster, cluster.classify(60, knob), words)
    assert time.monotonic() - began < 15  # the command's own start and end included
    assert 0 < facts.report(run)["llm_calls"] < 240
    cluster.control(**{knob: None})
    resumed(cluster, run)


def test_a_run_halts_at_its_budget_and_goes_on_with_a_higher_one(cluster: Cluster) -> None:
    run = halted(cluster, cluster.classify(60, "BUDGET", "--max-cost", "0.015"), "the budget of $0.015 is reached")
    with engine().connect() as connection:
        dearest = connection.scalar(text("SELECT max(cost_usd)::float FROM llm_calls"))
    in_flight = 40
    assert 0.015 <= facts.report(run)["cost_usd"] <= 0.015 + in_flight * dearest
    refused = cluster.command("enqueue", "--resume", run.run_id)
    assert refused.returncode == 2
    assert "--max-cost" in refused.stderr
    resumed(cluster, run, "--max-cost", "1")


def test_what_failed_is_tried_again_from_the_stage_that_failed(cluster: Cluster) -> None:
    cluster.control(rubbish=1, rubbish_kinds=["prose"])
    followed = cluster.classify(5, "FAILED")
    assert followed.returncode == 1
    run = runs.find_run()
    assert (run.status, run.failed) == ("done", 5)
    assert "BadAnswerError" in cluster.command("report").stdout
    cluster.control(rubbish=0)
    again = cluster.command("enqueue", "--retry-failed", run.run_id, "--follow")
    assert again.returncode == 0, again.stderr
    assert facts.verify(run.run_id).ok
    the_bill_is_right(cluster, run.run_id)


def test_hybrid_asks_where_the_rules_are_in_doubt(cluster: Cluster) -> None:
    followed = cluster.classify(40, "HYBRID", "--provider", "hybrid")
    assert followed.returncode == 0, followed.stderr
    account = facts.report(runs.find_run())
    assert 0 < account["llm_calls"] < 40 * 4 / 2
    the_bill_is_right(cluster, account["run_id"])
    plan = json.loads(cluster.command("plan", "--indicators", "1000", "--provider", "hybrid", "--json").stdout)
    assert plan["measured"]
    assert plan["llm_calls_per_indicator"] == pytest.approx(account["llm_calls"] / 40, abs=0.01)
    assert plan["cost_usd"] == pytest.approx(account["cost_per_1000_usd"])


def test_evaluate_asks_the_endpoint(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    indicator = {"id": "GDP", "name": "Gross domestic product", "units": "USD billions", "periodicity": "Annual"}
    expected = {"family": "physical-fundamental", "indicator_type": "flow"}
    path.write_text("".join(json.dumps({"indicator": indicator, "expected": expected}) + "\n" for _ in range(20)))
    for provider in ("openai", "hybrid"):
        said = json.loads(cluster.command("evaluate", str(path), "--provider", provider, "--json").stdout)
        assert (said["n"], said["provider"], said["accuracy"]["family"]) == (20, provider, 1.0)


@pytest.mark.faults
def test_no_secret_is_to_be_found_anywhere(cluster: Cluster, stores: Settings) -> None:
    """After runs with every kind of error, at the log level that says most: a planted key, searched everywhere."""
    cluster.control(**FAULTS, unauthorized_after=100)
    shown = [cluster.classify(60, "SECRET")]
    cluster.control(**NONE, unauthorized_after=None)
    during: list[str] = []
    run = runs.find_run()
    ended = threading.Event()
    watcher = threading.Thread(target=_watch_events, args=(during, ended))
    watcher.start()
    follower = subprocess.Popen(
        [sys.executable, "-m", "bin.commands.enqueue", "--resume", run.run_id, "--follow"],
        env={**os.environ, **cluster.environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while follower.poll() is None:
        during += [_redis_dump(), _command_lines()]
        time.sleep(0.3)
    ended.set()
    watcher.join()
    assert any("task-succeeded" in event for event in during)
    assert follower.stdout is not None
    during.append(follower.stdout.read())
    shown += [cluster.command(name) for name in ("report", "verify", "health", "pace")]
    shown.append(cluster.command("report", "--json"))
    places = {
        "output": "".join(done.stdout + done.stderr for done in shown) + "".join(during),
        "redis": _redis_dump(),
        "database": _database_dump(),
        "command lines": _command_lines(),
    }
    for path in stores.data_dir.rglob("*"):
        if path.is_file() and "postgres" not in path.parts:
            places[str(path)] = path.read_bytes().decode("latin-1")
    assert any(re.search(r"worker1\.log$", place) for place in places)
    for place, found in places.items():
        assert KEY not in found, place
    assert "redis" in places["command lines"]
    assert "SECRET_" in places["database"]


def _watch_events(found: list[str], ended: threading.Event) -> None:
    """What task events say, as monitors receive them."""
    app.control.enable_events()
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": lambda event: found.append(repr(event))})
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                receiver.capture(limit=None, timeout=1)
    app.control.disable_events()


def _redis_dump() -> str:
    redis = redis_client()
    found = []
    for key in redis.keys("*"):
        kind = redis.type(key)
        value: Any = {
            "string": redis.get,
            "list": lambda k: redis.lrange(k, 0, -1),
            "hash": redis.hgetall,
            "set": redis.smembers,
            "zset": lambda k: redis.zrange(k, 0, -1, withscores=True),
        }.get(kind, lambda _: "")(key)
        found.append(f"{key} {value}")
    return "\n".join(found)


def _database_dump() -> str:
    found = []
    with engine().connect() as connection:
        for table in metadata.sorted_tables:
            found += [str(row) for row in connection.execute(text(f"SELECT * FROM {table.name}"))]
    return "\n".join(found)


def _command_lines() -> str:
    lines = []
    for process in psutil.process_iter():
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return "\n".join(lines)


def test_monitor_verify_report_metrics_and_tables_tell_the_same(cluster: Cluster) -> None:
    cluster.control(rubbish=0.6, rubbish_kinds=["prose", "wrong-enum"])
    with Fleet() as fleet:
        _, before = told(fleet)
        followed = cluster.classify(40, "FIGURES")
        run = runs.find_run()
        expected = {"admission", "worker1", "worker2"}
        deadline = time.monotonic() + 15
        while {n.partition("@")[0] for n, heard in fleet.heard().items() if heard.memory_mb} < expected:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        look = Watch(run, fleet).look()
        names, after = told(fleet)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    seen, report, proof = look.glance, facts.report(run), facts.verify(run.run_id)
    done, failed, workers, calls, tokens, usd = counted(run.run_id)
    assert (done + failed, failed > 0, done > 0, followed.returncode) == (40, True, True, 1)
    ipm = 6000
    assert (ipm, ipm) == (look.target_ipm, report["target_ipm"])
    assert (
        grown("classify_indicators_total done") == seen.counts.done == report["completed"] == proof.classified == done
    )
    assert grown("classify_indicators_total failed") == seen.counts.failed == report["failed"] == proof.failed == failed
    assert seen.stages == {q.name: proof.stage_rows[q.table] for q in QUESTIONS} | {"save": proof.classified}
    assert seen.workers == report["workers"]
    assert (sum(seen.workers.values()), len(seen.workers)) == (done, workers)
    assert grown("classify_worker_indicators_total") == done
    assert grown("classify_llm_calls_total") == seen.spending.calls == report["llm_calls"] == calls
    assert seen.spending.prompt_tokens + seen.spending.completion_tokens == tokens
    assert report["prompt_tokens"] + report["completion_tokens"] == tokens
    assert grown("classify_llm_tokens_total prompt") + grown("classify_llm_tokens_total completion") == tokens
    assert grown("classify_llm_cost_usd_total") == pytest.approx(usd)
    assert seen.spending.cost_usd == pytest.approx(report["cost_usd"]) == pytest.approx(usd)
    assert after["classify_in_flight"] == seen.counts.admitted == 0
    assert f"{done:,} of 40" in followed.stderr
    assert f"{failed} failed" in followed.stderr
    assert f"{done:,} of 40 completed, {failed} failed" in cluster.command("report").stdout
    dashboard = json.loads((ROOT / "docker" / "grafana" / "dashboard.json").read_text())
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert set(re.findall(r"classify_\w+", asked)) <= names


@pytest.mark.faults
@pytest.mark.skipif(not REAL.exists(), reason="data not here")
def test_a_thousand_real_indicators_over_a_bad_line(cluster: Cluster) -> None:
    with gzip.open(REAL, "rt") as lines:
        real = [indicator_from(json.loads(line))[0] for _, line in zip(range(1000), lines, strict=False)]
    assert isinstance(real[0], Indicator)
    sources.load(real)
    cluster.control(**FAULTS)
    cluster.stats(reset=True)
    followed = cluster.command("enqueue", "--ipm", "6000", "--follow", timeout=600)
    assert followed.returncode == 0, followed.stderr
    run = runs.find_run()
    proof = facts.verify(run.run_id)
    assert (proof.ok, proof.classified, proof.distinct) == (True, 1000, 1000)
    the_bill_is_right(cluster, run.run_id)
