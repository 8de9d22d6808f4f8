"""The files of the recipes: their variables and commands exist, and their graces and limits fit each other."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from config.settings import ROOT, Settings, read_settings

DOCKER = ROOT / "docker"
KNOWN = {field.upper() for field in Settings.model_fields}
PHASES = sorted((DOCKER / "phases").glob("*.env"))
TASKS = sorted((DOCKER / "ecs").glob("*.json"))
NEEDED_BY_A_WORKER = 3
"""Times WORKER_MEMORY_MB: the worker, and a process of its own for suspects of twice as much."""


@pytest.mark.parametrize("file", PHASES, ids=lambda file: file.stem)
def test_settings_of_a_phase_are_settings(file: Path) -> None:
    given = dotenv_values(file)
    assert given.keys() <= KNOWN
    config = read_settings(given)
    if "SHUTDOWN_GRACE" in given:
        assert config.shutdown_grace > config.openai_timeout
    assert config.embeds_redis == config.embeds_database == (file.stem in ("development", "one-server"))
    assert file.name in (DOCKER / "PHASES.md").read_text()


def test_there_is_a_file_for_each_phase() -> None:
    assert [file.stem for file in PHASES] == ["development", "many-machines", "one-server", "stores-elsewhere"]


def promtool() -> str:
    found = shutil.which("promtool")
    if not found:
        pytest.skip("there is no promtool on the PATH (Debian: apt install prometheus)")
    return found


def test_prometheus_takes_the_alerts() -> None:
    command = [promtool(), "check", "rules", str(DOCKER / "prometheus" / "alerts.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "prometheus" / "alerts.yaml", tmp_path)
    cases = shutil.copy(Path(__file__).with_name("alerts.test.yaml"), tmp_path)
    done = subprocess.run([promtool(), "test", "rules", str(cases)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_say_how_urgent_they_are() -> None:
    (group,) = yaml.safe_load((DOCKER / "prometheus" / "alerts.yaml").read_text())["groups"]
    assert len(group["rules"]) == len({rule["alert"] for rule in group["rules"]})
    for rule in group["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "runbook"}


def test_fly_runs_what_there_is() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 cannot read TOML")
    told: dict[str, Any] = tomllib.loads((DOCKER / "fly" / "fly.toml").read_text())
    assert told["env"].keys() <= KNOWN
    config = read_settings(told["env"])
    assert told["kill_timeout"] >= config.shutdown_grace + 10
    assert config.shutdown_grace > config.openai_timeout
    processes = told["processes"]
    for command in (*processes.values(), told["deploy"]["release_command"]):
        assert (ROOT / "bin" / command.split()[0]).is_file()
    machines = {name: vm for vm in told["vm"] for name in vm["processes"]}
    assert machines.keys() == processes.keys()
    assert machines["worker"]["memory"] == "1gb"
    assert NEEDED_BY_A_WORKER * config.worker_memory_mb <= 1000
    for asked in (*told["checks"].values(), *told["metrics"]):
        assert set(asked["processes"]) <= processes.keys()
        assert asked["port"] == 9810


@pytest.mark.parametrize("file", TASKS, ids=lambda file: file.stem)
def test_a_task_of_ecs_is_whole(file: Path) -> None:
    task = json.loads(file.read_text())
    (only,) = task["containerDefinitions"]
    assert (task["family"], only["name"]) == (f"classify-{file.stem}", file.stem)
    assert (ROOT / "bin" / only["command"][0]).is_file()
    environment = {each["name"]: each["value"] for each in only["environment"]}
    config = read_settings(environment)
    assert environment.keys() | {each["name"] for each in only["secrets"]} <= KNOWN
    assert {"REDIS_URL", "DATABASE_URL"} <= {each["name"] for each in only["secrets"]}
    assert only["readonlyRootFilesystem"]
    assert only["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["containerPath"] for mount in only["linuxParameters"]["tmpfs"]] == ["/tmp"]
    if file.stem != "health":
        assert only["stopTimeout"] >= config.shutdown_grace + 10
        assert config.shutdown_grace > config.openai_timeout
        assert int(task["memory"]) >= NEEDED_BY_A_WORKER * config.worker_memory_mb
        assert str(config.alive_file) in only["healthCheck"]["command"][1]


@pytest.mark.parametrize("file", TASKS, ids=lambda file: file.stem)
def test_ecs_knows_every_field(file: Path) -> None:
    session = pytest.importorskip("botocore.session", reason="botocore, which has AWS's own schema, is not installed")
    validate = pytest.importorskip("botocore.validate")
    service = session.get_session().get_service_model("ecs")
    shape = service.operation_model("RegisterTaskDefinition").input_shape
    report = validate.ParamValidator().validate(json.loads(file.read_text()), shape)
    assert not report.has_errors(), report.generate_report()
