"""The files of the containers, as far as they can be judged without an engine."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import ROOT, Settings, read_settings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("${CLASSIFY_IMAGE"))
BRIEF = {"migrate", "cli"}
"""Services that end by themselves."""
EXAMPLE = (ROOT / ".env.docker.example").read_text()


def example() -> dict[str, str]:
    return dict(line.split("=", 1) for line in EXAMPLE.splitlines() if re.match("[A-Z_]+=", line))


def accepting_programs() -> list[list[str]]:
    found = [["docker-compose"]] if shutil.which("docker-compose") else []
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        found.append(["docker", "compose"])
    return found


def in_seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_services_are_those_that_the_documentation_names() -> None:
    table = (ROOT / "docker" / "README.md").read_text()
    assert {"redis", "postgres", "migrate", "admission", "worker", "flower", "health", "cli"} <= SERVICES.keys()
    assert {name for name in SERVICES if f"`{name}`" in table} == SERVICES.keys()


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    command = SERVICES[name]["command"]
    assert os.access(ROOT / "bin" / command[0], os.X_OK)
    options = {word for word in command[1:] if word.startswith("--")}
    source = "".join(
        (ROOT / "bin" / "commands" / f"{module.replace('-', '_')}.py").read_text() for module in {command[0], "worker"}
    )
    assert all(f'"{option}"' in source for option in options)


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_off_loopback_unless_asked_for(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("${BIND:-127.0.0.1}:")
    assert name in {"flower", "health", "grafana"} or "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_little_to_do_harm_with(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))
    assert re.fullmatch(r"(\$\{[A-Z]+_MEMORY:-)?\d+[mg]\}?", service["mem_limit"])


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - BRIEF))
def test_a_service_that_stays_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_others_get_no_key_of_the_program() -> None:
    for name in SERVICES.keys() - set(OURS):
        service = SERVICES[name]
        if "env_file" in service:
            assert service["environment"]["OPENAI_API_KEY"] == service["environment"]["FLOWER_BASIC_AUTH"] == ""


def test_the_file_keeps_to_what_both_versions_of_compose_know() -> None:
    assert "version" not in COMPOSE  # obsolete for the one, not needed by the other
    for service in SERVICES.values():
        assert "deploy" not in service  # 1.29 would ignore its limits
        assert isinstance(service.get("env_file", ""), str)


@pytest.mark.skipif(not accepting_programs(), reason="no docker-compose and no docker compose here")
def test_compose_accepts_the_file(tmp_path: Path) -> None:
    environment = {**os.environ, "ENV_FILE": str(made_env(tmp_path))}
    profiles = sorted({profile for service in SERVICES.values() for profile in service.get("profiles", [])})
    options = [word for profile in profiles for word in ("--profile", profile)]
    for program in accepting_programs():
        command = [*program, "-f", str(ROOT / "compose.yaml"), *options, "config", "-q"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def made_env(folder: Path) -> Path:
    path = folder / "env"
    subprocess.run([ROOT / "docker" / "make-env", path], check=True, capture_output=True)
    return path


def test_every_variable_of_the_containers_is_a_setting() -> None:
    assert example().keys() <= {field.upper() for field in Settings.model_fields}
    settings = read_settings({**example(), "REDIS_PASSWORD": "r", "POSTGRES_PASSWORD": "p"})
    assert settings.redis_address == "redis://:r@redis:6379/0"
    assert settings.database_address == "postgresql+psycopg2://classify:p@postgres:5432/classify"
    for address in re.findall(r"sentinel://\S+", EXAMPLE):
        assert read_settings({"REDIS_URL": address}).sentinels
    for service in (SERVICES[name] for name in OURS):
        assert service.get("environment", {}).keys() <= {field.upper() for field in Settings.model_fields}


def test_secrets_are_made_and_kept(tmp_path: Path) -> None:
    path = made_env(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match("[A-Z_]+=", line))
    assert made.keys() == example().keys()
    assert {name for name in made if made[name] != example()[name]} == {
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "FLOWER_BASIC_AUTH",
    }
    before = path.read_text()
    again = subprocess.run([ROOT / "docker" / "make-env", path], capture_output=True, text=True)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert path.read_text() == before
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env.docker"], cwd=ROOT)
    assert ignored.returncode == 0


def test_a_worker_has_the_time_and_the_memory_that_its_settings_promise() -> None:
    settings = read_settings(example())
    worker = SERVICES["worker"]
    assert settings.shutdown_grace < in_seconds(worker["stop_grace_period"]) - 5
    assert settings.shutdown_grace >= settings.openai_timeout
    assert settings.worker_memory_mb < int(re.findall(r"(\d+)m", worker["mem_limit"])[0])


def test_postgres_has_room_for_twenty_workers() -> None:
    settings = read_settings(example())
    most = int(re.findall(r"max_connections=\$\{\w+:-(\d+)\}", SERVICES["postgres"]["command"][-1])[0])
    pool = settings.database_pool_size
    assert (10 + 1) * pool + 8 + 3 <= 60
    assert (20 + 1) * pool + 8 + 3 <= most


def test_the_image_gets_the_program_and_nothing_else() -> None:
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignore[0] == "*"
    assert [line[1:] for line in ignore if line[0] == "!"] == ["bin", "classify", "config", "tasks", "requirements.txt"]
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    assert re.findall("^FROM (.*)", dockerfile, re.M) == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    assert re.search(r"^USER 10001:10001$", dockerfile, re.M)
    assert "--only-binary :all:" in dockerfile
