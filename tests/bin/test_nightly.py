"""Nights as cron has them, with real workers and the simulated endpoint: one at a time, gone on with, accounted for."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bin.embedded import processes
from classify.samples import generate
from classify.store import engine, facts, runs
from classify.store.tables import metadata
from config.settings import ROOT, Settings
from tasks.clients import redis_client

WORKERS = {"admission": "admission", "worker1": "worker"}
NO_FAULTS = {"rubbish": 0, "unauthorized_after": None}


class Cron:
    """Calls `bin/nightly` as cron does, with a file of indicators, and asks the endpoint what it was asked."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.summary = folder / "summary.json"
        self.records = list(generate(100))
        self.environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_TIMEOUT": "20", "PYTHONPATH": str(ROOT)}

    def command(self, *options: str) -> list[str]:
        command = [sys.executable, "-m", "bin.commands.nightly", "--ipm", "6000", "--summary", str(self.summary)]
        return [*command, *options]

    def start(self, *options: str) -> subprocess.Popen[str]:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command(*options), env=self.environment, cwd=self.folder, **output)  # type: ignore[call-overload, no-any-return]

    def night(self, *options: str) -> tuple[int, str, str]:
        """Exit status, stdout and stderr of a whole night."""
        with self.start(*options) as night:
            out, err = night.communicate(timeout=300)
            return night.returncode, out, err

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.summary.read_text())
        return found

    def file(self, count: int, **changes: str) -> str:
        """So many sample indicators in a file; `changes` are those of the first."""
        rows = [dict(record) for record in self.records[:count]]
        rows[0] |= changes
        path = self.folder / "indicators.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    def endpoint(self, path: str, facts: dict[str, Any] | None = None) -> Any:
        body = None if facts is None else json.dumps(facts).encode()
        with urllib.request.urlopen(f"{self.url}/{path}", body, timeout=10) as answer:
            return json.load(answer)

    def nothing_was_paid_twice(self) -> None:
        with engine().connect() as connection:
            every, good, distinct = connection.execute(
                text("""
                    SELECT count(*), count(*) FILTER (WHERE outcome = 'ok'),
                        count(DISTINCT (indicator_id, stage)) FILTER (WHERE outcome = 'ok') FROM llm_calls
                """)
            ).one()
        assert good == distinct
        assert every == self.endpoint("stats")["requests"]


def _empty() -> None:
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with engine().connect() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    redis_client().flushall()


@pytest.fixture(scope="module")
def endpoint(stores: Settings) -> Iterator[str]:
    command = [sys.executable, "-m", "bin.commands.simulate_llm", "--port", "0", "--latency", "0.05"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as simulator:
        assert simulator.stdout is not None
        yield simulator.stdout.readline().strip()
        simulator.kill()


@pytest.fixture(scope="module")
def workers(stores: Settings, endpoint: str) -> Iterator[None]:
    _empty()
    for name, module in WORKERS.items():
        python = [sys.executable, "-m", f"bin.commands.{module}", "--name", name]
        processes.spawn(stores, name, python, {"OPENAI_BASE_URL": endpoint, "OPENAI_TIMEOUT": "20"})
    yield
    processes.stop(stores, WORKERS)
    _empty()


@pytest.fixture
def cron(clean_tables: Settings, endpoint: str, tmp_path: Path) -> Cron:
    cron = Cron(endpoint, tmp_path)
    cron.endpoint("control", NO_FAULTS)
    cron.endpoint("stats/reset", {})
    return cron


def _done(count: int) -> runs.Run:
    """The latest run as soon as so many of its indicators are done."""
    deadline = time.monotonic() + 120
    while not (run := runs.latest()) or runs.counts(run.run_id).done < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def test_a_query_and_workers_of_its_own(cron: Cron, stores: Settings) -> None:
    """The first of these tests, since the others leave their workers running until the end."""
    source = cron.folder / "source.db"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE series (id, name, units)")
        connection.executemany("INSERT INTO series VALUES (?, ?, ?)", [("A", "GDP", "USD"), ("B", "Inflation", "%")])
    (cron.folder / "series.sql").write_text("-- all of them\nSELECT id, name, units FROM series\n")
    cron.environment["SOURCE_URL"] = f"sqlite:///{source}"
    status, out, err = cron.night("--sql", "series.sql", "--verbose")
    assert status == 0, err
    assert f"sqlite:///{source}: 2 loaded (2 new, 0 changed, 0 unchanged)" in err
    assert "2 of 2 classified" in out
    assert not [name for name in processes.recorded(stores) if name in ("admission", "worker1", "worker2")]


def _same_again() -> None:
    """Another night that ended like the one before it."""
    with engine().connect() as connection:
        for name in ("runs", "run_indicators", "failed_indicators"):
            columns = ", ".join(column.name for column in metadata.tables[name].columns if column.name != "run_id")
            statement = f"INSERT INTO {name} (run_id, {columns}) SELECT :run_id, {columns} FROM {name}"
            connection.execute(text(statement), {"run_id": "another"})


@pytest.mark.usefixtures("workers")
def test_nights_take_what_is_new_or_changed_and_are_quiet(cron: Cron) -> None:
    page = cron.folder / "run.html"
    assert cron.night("--input", cron.file(5), "--html", str(page)) == (0, "", "")
    told = cron.told()
    assert (told["status"], told["rows"], told["new"], told["classified"]) == ("ok", 5, 5, 5)
    assert told["runs"][0]["verify"]["ok"]
    assert told["runs"][0]["report"]["provider"] == "rules"
    assert "<html" in page.read_text()

    assert cron.night("--input", cron.file(5)) == (0, "", "")
    assert (cron.told()["status"], cron.told()["unchanged"], cron.told()["runs"]) == ("nothing new", 5, [])

    status, out, err = cron.night("--input", cron.file(6, units="%"), "--verbose")
    assert status == 0
    assert "2 indicators at 6,000 IPM" in err
    assert out.splitlines()[-1].startswith("nightly: ok: 6 rows read, 1 new, 1 changed; 2 of 2 classified in ")
    assert facts.verify(None).ok

    status, out, err = cron.night("--json")
    assert (status, json.loads(out)["status"], err) == (0, "nothing new", "")


@pytest.mark.usefixtures("workers")
def test_a_second_one_is_kept_out_and_a_killed_one_is_gone_on_with(cron: Cron) -> None:
    with cron.start("--input", cron.file(60), "--provider", "openai", "--ipm", "120") as first:
        run = _done(3)
        status, out, err = cron.night("--input", "nowhere.jsonl")
        assert (status, out) == (75, "")
        assert f"nightly {first.pid}@" in err
        assert err.endswith("is at work already; nothing was done\n")
        assert err.count("\n") == 1
        first.send_signal(signal.SIGKILL)
    assert runs.find_run().status == "running"
    assert not cron.summary.exists()

    assert cron.night("--input", cron.file(60), "--provider", "openai") == (0, "", "")
    assert [account["run_id"] for account in cron.told()["runs"]] == [run.run_id]
    assert cron.told()["classified"] == 60
    assert facts.verify(run.run_id).ok
    cron.nothing_was_paid_twice()


@pytest.mark.usefixtures("workers")
def test_a_night_that_reaches_its_budget_fails_and_the_next_goes_on(cron: Cron) -> None:
    night = ("--input", cron.file(40), "--provider", "openai", "--max-cost", "0.006")
    status, out, err = cron.night(*night)
    assert (status, out) == (1, "")
    first = err.splitlines()[0]
    assert first.startswith("nightly: NOT OK: run ")
    assert "is halted: the budget of $0.006 is reached" in first
    run = runs.find_run()
    assert cron.told()["reason"] in first
    assert 0.006 <= cron.told()["cost_usd"] < 0.02

    night = ("--input", cron.file(41), *night[2:-1], "5")
    assert cron.night(*night) == (0, "", "")
    told = cron.told()
    assert [account["report"]["total"] for account in told["runs"]] == [40, 1]
    assert told["runs"][0]["run_id"] == run.run_id
    assert facts.verify(None).ok
    cron.nothing_was_paid_twice()


@pytest.mark.usefixtures("workers")
def test_a_refused_key_ends_the_night_before_what_is_new(cron: Cron) -> None:
    cron.endpoint("control", {"unauthorized_after": 20})
    for count in (20, 25):
        status, _, err = cron.night("--input", cron.file(count), "--provider", "openai")
        assert status == 1
        assert "refuses the key" in err.splitlines()[0]
        assert [account["report"]["total"] for account in cron.told()["runs"]] == [20]


@pytest.mark.usefixtures("workers")
def test_what_fails_is_tried_once_more_and_then_only_when_asked(cron: Cron) -> None:
    cron.endpoint("control", {"rubbish": 1, "rubbish_kinds": ["prose"]})
    night = ("--input", cron.file(2), "--provider", "openai")
    status, _, err = cron.night(*night)
    assert status == 1
    assert err.startswith("nightly: NOT OK: 2 failed; ")
    assert "BadAnswerError" in err
    _same_again()
    assert cron.night(*night) == (0, "", "")
    assert (cron.told()["status"], cron.told()["given_up"]) == ("nothing new", 2)
    cron.endpoint("control", NO_FAULTS)
    assert cron.night(*night, "--retry-failed") == (0, "", "")
    assert (cron.told()["classified"], cron.told()["given_up"]) == (2, 0)


@pytest.mark.usefixtures("workers")
def test_rejected_rows_fail_a_night_unless_they_are_allowed(cron: Cron) -> None:
    status, _, err = cron.night("--input", cron.file(2, name=""), "--rejects", "bad.jsonl")
    assert status == 1
    assert err.startswith("nightly: NOT OK: 1 row rejected; 2 rows read, 1 new, 0 changed; 1 of 1 classified")
    assert json.loads((cron.folder / "bad.jsonl").read_text())["reason"] == "no name"
    assert cron.night("--input", cron.file(2, name=""), "--max-rejects", "1") == (0, "", "")
    assert cron.told()["rejected"] == 1


@pytest.mark.usefixtures("workers")
def test_waiting_ends_in_time_and_the_run_goes_on(cron: Cron) -> None:
    status, _, err = cron.night("--input", cron.file(40), "--ipm", "60", "--within", "0.02")
    assert status == 1
    assert "is not finished in time; it goes on" in err.splitlines()[0]
    run = runs.find_run()
    assert run.status == "running"
    assert cron.night("--ipm", "6000") == (0, "", "")
    assert [account["run_id"] for account in cron.told()["runs"]] == [run.run_id]
    assert cron.told()["classified"] == 40


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--input", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--sql", "SELECT 1"], "--sql needs a database: --source URL, or SOURCE_URL"),
        (["--sql", "SELECT 1", "--source", "postgresql://u:secret@h/d"], "everybody on this machine can read"),
        (["--html", "no/where.html"], "there is no folder"),
        (["--provider", "openai"], "OPENAI_API_KEY is not set"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(cron: Cron, options: list[str], complaint: str) -> None:
    cron.environment["OPENAI_BASE_URL"] = ""
    status, out, err = cron.night(*options)
    assert (status, out) == (2, "")
    assert err.startswith("bin/nightly: ")
    assert err.count("\n") == 1
    assert complaint in err
    assert "secret" not in err
    if cron.summary.exists():  # written as soon as it is known where to
        assert complaint in cron.told()["reason"]


@pytest.mark.parametrize(("options", "raised"), [("--verbose", ""), ("--input nowhere.csv", "NightFailedError")])
def test_what_beat_sends_runs_the_command(cron: Cron, options: str, raised: str) -> None:
    code = """
        from tasks.celery import app
        app.loader.import_default_modules()
        entry = app.conf.beat_schedule["nightly"]
        task = app.tasks[entry["task"]]
        print(entry["schedule"], app.amqp.router.route({}, task.name)["queue"].name)
        task()
    """
    cron.environment |= {"NIGHTLY_AT": "02:30", "NIGHTLY_OPTIONS": options}
    command = [sys.executable, "-c", "import textwrap; exec(textwrap.dedent('''" + code + "'''))"]
    done = subprocess.run(command, env=cron.environment, capture_output=True, text=True, timeout=60, check=False)
    assert "30 02 * * *" in done.stdout
    assert done.stdout.strip().endswith("nightly")
    assert bool(done.returncode) == bool(raised), done.stderr
    assert raised in done.stderr
    assert ("nowhere.csv: no such file" in done.stderr) == bool(raised)
