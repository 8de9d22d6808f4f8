"""The commands as a person runs them: what they print, what they refuse, and with which exit status."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bin.embedded import processes
from config.settings import ROOT, Settings

ROWS = [
    {"id": "CPI_YOY", "name": "Inflation rate YoY", "units": "%", "periodicity": "Monthly"},
    {"id": "GDP", "name": "Gross domestic product", "units": "USD billions", "periodicity": "Quarterly"},
    {"id": "POP", "name": "Population", "units": "persons", "sample_values": [{"date": "2020", "value": 5}]},
]


def run(command: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    module = f"bin.commands.{command.replace('-', '_')}"
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def facts(command: str, *arguments: str | Path) -> Any:
    return json.loads(run(command, *arguments, "--json").stdout)


def one_line_of_complaint(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 2, finished
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1, finished.stderr
    return finished.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "indicators.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def workers(clean_tables: Settings) -> Iterator[None]:
    names = {"admission": "admission", "worker1": "worker"}
    for name, command in names.items():
        processes.spawn(clean_tables, name, [sys.executable, "-m", f"bin.commands.{command}", "--name", name])
    yield
    processes.stop(clean_tables, names)


@pytest.mark.parametrize(
    ("command", "arguments", "complaint"),
    [
        ("load", [], "FILE"),
        ("load", ["nowhere.jsonl"], "nowhere.jsonl: no such file"),
        ("load", ["indicators.xlsx"], "indicators.xlsx"),
        ("enqueue", ["--ipm", "0"], "'0' is not a number above zero"),
        ("enqueue", ["--ipm", "fast"], "'fast' is not a number above zero"),
        ("enqueue", ["--ipm", "nan"], "'nan' is not a number above zero"),
        ("enqueue", ["--ipm", "1", "--rpm", "7"], "--rpm"),
        ("enqueue", ["--limit", "1.5"], "'1.5' is not a whole number above zero"),
        ("enqueue", ["--provider", "oracle"], "oracle"),
        ("enqueue", ["--id", "X", "Y"], "not loaded: X, Y"),
        ("enqueue", ["--max-cost", "0"], "'0' is not a number above zero"),
        ("enqueue", ["--provider", "openai"], "OPENAI_API_KEY is not set"),
        ("enqueue", ["--resume", "nope"], "there is no run 'nope'"),
        ("enqueue", ["--resume", "nope", "--limit", "3"], "--limit is for a new run"),
        ("enqueue", ["--retry-failed", "nope", "--resume", "nope"], "not allowed with"),
        ("plan", ["--indicators", "0"], "'0' is not a whole number above zero"),
        ("plan", ["--model", "llama3.2"], "no price is known of the model 'llama3.2'"),
        ("plan", [], "nothing is loaded: say --indicators N"),
        ("review", ["accept", "nope"], "nothing to review about 'nope'"),
        ("review", ["correct", "nope", "family=other"], "not loaded: nope"),
        ("evaluate", [__file__, "--provider", "openai"], "OPENAI_API_KEY is not set"),
        ("all-in-one", ["--provider", "hybrid"], "OPENAI_API_KEY is not set"),
        ("all-in-one", ["--workers", "0"], "'0' is not a whole number above zero"),
        ("all-in-one", ["--input", "nowhere.csv"], "nowhere.csv: no such file"),
        ("pace", ["-5"], "-5"),
        ("verify", ["nope"], "there is no run 'nope'"),
        ("verify", ["--all", "nope"], "exclude"),
        ("report", [], "there is no run yet"),
        ("export", ["out.xlsx"], "out.xlsx"),
        ("evaluate", ["nowhere.jsonl"], "nowhere.jsonl"),
        ("worker", ["--concurrency", "none"], "'none' is not a whole number above zero"),
    ],
)
@pytest.mark.usefixtures("clean_tables")
def test_a_mistake_is_one_line_and_status_2(command: str, arguments: list[str], complaint: str, tmp_path: Path) -> None:
    said = one_line_of_complaint(run(command, *arguments, cwd=tmp_path))
    assert said.startswith(f"bin/{command}: ")
    assert complaint in said


def test_a_wrong_setting_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPM", "fast")
    assert "IPM" in one_line_of_complaint(run("enqueue"))


@pytest.mark.usefixtures("clean_tables")
def test_a_database_that_is_not_there_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:planted-secret@127.0.0.1:9/classify")
    said = one_line_of_complaint(run("verify"))
    assert "PostgreSQL cannot be reached" in said
    assert "planted-secret" not in said


def test_every_command_explains_itself() -> None:
    for path in sorted((ROOT / "bin" / "commands").glob("[a-z]*.py")):
        finished = run(path.stem.replace("_", "-"), "--help")
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.startswith(f"usage: bin/{path.stem.replace('_', '-')}")
        executable = ROOT / "bin" / path.stem.replace("_", "-")
        assert os.access(executable, os.X_OK), executable


@pytest.mark.usefixtures("clean_tables")
def test_load_says_what_it_mended_and_rejected(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text('{"id": " A ", "name": "Fine"}\n{"id": "B"}\nnot json\n{"id": "C", "name": "Also fine"}\n')
    finished = run("load", path, cwd=tmp_path)
    assert finished.returncode == 1
    assert "2 loaded (2 new, 0 changed, 0 unchanged)" in finished.stdout
    assert "mended in 1 row" in finished.stdout
    assert "rejected 2" in finished.stdout
    rejects = [json.loads(line) for line in (tmp_path / "some.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [r["line"] for r in rejects] == [2, 3]
    again = json.loads(run("load", path, "--json", "--rejects", tmp_path / "r.jsonl").stdout)["files"][0]
    assert (again["accepted"], again["unchanged"], again["rejected"]) == (2, 2, 2)


@pytest.mark.usefixtures("workers")
def test_from_a_file_to_an_export(source: Path, tmp_path: Path) -> None:
    assert run("load", source).returncode == 0
    followed = run("enqueue", "--ipm", "6000", "--follow")
    assert followed.returncode == 0, followed.stderr
    assert "3 indicators at 6,000 IPM" in followed.stdout
    assert "100 %" in followed.stderr

    proof = facts("verify")
    assert (proof["source"], proof["classified"], proof["distinct"], proof["ok"]) == (3, 3, 3, True)
    assert set(proof["stage_rows"].values()) == {3}
    assert len(proof["stage_rows"]) == 6
    assert facts("verify", "--all")["ok"]

    account = facts("report")
    assert (account["status"], account["total"], account["completed"], account["failed"]) == ("done", 3, 3, 0)
    assert account["run_id"] == proof["run_id"]
    assert sum(account["workers"].values()) == 3
    assert "3 of 3 completed" in run("report").stdout

    health = facts("health")
    assert health["ok"]
    assert health["queues"] == {"admission": 0, "stages": 0}
    assert len(health["workers"]) == 2

    assert "nothing to do" in run("enqueue").stdout
    assert facts("enqueue", "--id", "GDP", "--force", "--rpm", "4200")["target_ipm"] == 600

    exported = tmp_path / "out.jsonl"
    assert run("export", exported).returncode == 0
    rows = {row["id"]: row for row in map(json.loads, exported.read_text().splitlines())}
    assert rows["CPI_YOY"]["indicator_type"] == "rate"
    assert rows["GDP"]["parsed_currency"] == "USD"
    assert rows["POP"]["sample_values"] == [{"date": "2020", "value": 5.0}]


@pytest.mark.usefixtures("clean_tables")
def test_pace_shows_and_changes_the_target() -> None:
    assert facts("pace", "1234.5")["target_ipm"] == 1234.5
    assert facts("pace")["target_ipm"] == 1234.5
    assert "1,234.5 IPM" in run("pace").stdout


@pytest.mark.usefixtures("workers")
def test_celerys_own_commands_work_and_its_rate_limit_is_the_target() -> None:
    def celery(*arguments: str) -> str:
        command = [sys.executable, "-m", "celery", "-A", "tasks", *arguments]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
        assert finished.returncode == 0, finished
        return finished.stdout

    deadline = time.monotonic() + 20
    while len(facts("health")["workers"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    for limit, ipm in (("1234/m", 1234), ("0.5/m", 0.5), ("20/s", 1200)):
        assert "new rate limit set" in celery("control", "rate_limit", "tasks.normalize", limit)
        assert facts("pace")["target_ipm"] == pytest.approx(ipm)
    assert facts("pace", "800")["target_ipm"] == 800
    celery("control", "rate_limit", "tasks.normalize", "20/s")  # the same as before, and a new target all the same
    assert facts("pace")["target_ipm"] == pytest.approx(1200)
    assert "tasks.orientation" in celery("inspect", "registered")
    assert "software -> celery:5" in celery("report")


@pytest.mark.usefixtures("clean_tables")
def test_health_without_workers_is_not_ok() -> None:
    finished = run("health")
    assert finished.returncode == 1
    assert "NO WORKER" in finished.stdout


def test_all_in_one_classifies_the_samples_and_goes_on_where_it_stopped(clean_tables: Settings) -> None:
    first = run("all-in-one", "--ipm", "6000", "--limit", "40", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["verify"]["source"] == 40
    second = run("all-in-one", "--ipm", "6000", "--limit", "10", "--workers", "1")
    assert second.returncode == 0, second.stderr
    assert "10 of 10 completed" in second.stdout
    proof = facts("verify", "--all")
    assert (proof["classified"], proof["distinct"]) == (50, 50)
