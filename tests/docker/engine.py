"""The containers of compose.yaml in a real Docker Engine, as a project of their own; things to do to them."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT

IMAGES = ("python:3.11-slim", "redis:7", "postgres:15")
LIMIT_OF_CONNECTIONS = 60
SIMULATOR = "http://simulator:4010/v1"
PROFILES = ("cli", "simulator", "sentinel")

_numbers = count(1)

measured: dict[str, str] = {}
"""What was measured → the figure, for the table at the end."""


def program() -> list[str]:
    """Compose, the one there is; skips the test where it or the engine or an image is missing."""
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker Engine runs here")
    for image in IMAGES:
        for command in (["docker", "image", "inspect", image], ["docker", "pull", "-q", image]):
            if not subprocess.run(command, capture_output=True).returncode:
                break
        else:
            pytest.skip(f"the image {image} is not here and cannot be had")
    if not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("no docker compose and no docker-compose here")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Project:
    """The services under a name of their own, with passwords of their own; `folder` is what `cli` sees as its files."""

    def __init__(self, compose: list[str], folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.name = f"classify-test-{os.getpid()}-{next(_numbers)}"
        env = folder / "env"
        subprocess.run([ROOT / "docker" / "make-env", env], check=True, capture_output=True)
        lines = [line for line in env.read_text().splitlines() if line.partition("=")[0] not in settings]
        env.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in settings.items()), ""]))
        folder.chmod(0o755)
        self.health_port = _free_port()
        self._compose = [*compose, "-p", self.name, "-f", str(ROOT / "compose.yaml")]
        self._environment = {
            **os.environ,
            "ENV_FILE": str(env),
            "FILES": str(folder),
            "CLASSIFY_IMAGE": "classify:test",
            "BUILD_NETWORK": "host",
            "FLOWER_PORT": str(_free_port()),
            "HEALTH_PORT": str(self.health_port),
            "DOCKER_BUILDKIT": "0",
        }

    def compose(self, *words: str, profiles: Sequence[str] = (), check: bool = True) -> str:
        options = [word for profile in profiles for word in ("--profile", profile)]
        done = subprocess.run(
            [*self._compose, *options, *words], env=self._environment, capture_output=True, text=True, cwd=ROOT
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout

    def cli(self, *words: str) -> Any:
        """What a command says with --json."""
        said = self.compose("run", "--rm", "-T", "cli", *words, "--json")
        return json.loads(said[said.index("{") :])

    def up(self, workers: int, *services: str, profiles: Sequence[str] = ("simulator",)) -> None:
        self.compose("up", "-d", "--scale", f"worker={workers}", *services, profiles=profiles)

    def containers(self, service: str) -> list[str]:
        """Ids of a service's running containers."""
        label = f"label=com.docker.compose.service={service}"
        project = f"label=com.docker.compose.project={self.name}"
        listed = ["docker", "ps", "-q", "--filter", project, "--filter", label]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    @staticmethod
    def kill(container: str) -> None:
        subprocess.run(["docker", "kill", container], check=True, capture_output=True)

    def sql(self, statement: str) -> str:
        ask = 'PGPASSWORD="$POSTGRES_PASSWORD" exec psql -h 127.0.0.1 -U classify -d classify -Atc "$0"'
        command = ["docker", "exec", self.containers("postgres")[0], "sh", "-c", ask, statement]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def redis_cli(self, service: str, *words: str) -> str:
        ask = 'REDISCLI_AUTH="$REDIS_PASSWORD" exec redis-cli "$@"'
        command = ["docker", "exec", self.containers(service)[0], "sh", "-c", ask, "sh", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def tasks_taken(self) -> dict[str, int]:
        """Stage worker → tasks that it has taken since it started, as the service health hears them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/health/workers", timeout=10) as answer:
            found: dict[str, dict[str, Any]] = json.load(answer)
        return {name: said["tasks"] for name, said in found.items() if name.startswith("worker@")}

    def connections(self) -> int:
        """Sessions of clients in PostgreSQL now, but for the one that asks."""
        others = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return int(self.sql(others))

    def finished(self, run_id: str) -> int:
        """Indicators of a run that are finished, one way or another."""
        done = "SELECT count(*) FROM run_indicators WHERE finished_at IS NOT NULL AND run_id = "
        return int(self.sql(f"{done}'{run_id}'"))

    def start_run(self, indicators: int, ipm: int) -> str:
        samples = self.folder / "samples.jsonl"
        with samples.open("w") as file:
            subprocess.run([ROOT / "bin" / "sample", "--count", str(indicators)], stdout=file, check=True)
        samples.chmod(0o644)
        loaded = self.cli("load", samples.name, "--rejects", "/tmp/rejects.jsonl")
        assert loaded["files"][0]["accepted"] == indicators
        run_id: str = self.cli("enqueue", "--provider", "openai", "--ipm", str(ipm), "--force")["run_id"]
        return run_id

    def wait(self, run_id: str, count: int, timeout_s: float, at_each: Callable[[], None] = lambda: None) -> None:
        deadline = time.monotonic() + timeout_s
        while (finished := self.finished(run_id)) < count:
            assert time.monotonic() < deadline, f"{finished} of {count} after {timeout_s} s"
            at_each()
            time.sleep(1)

    def verify(self, run_id: str, count: int) -> None:
        """Every indicator of a run is there, once, with every stage's result."""
        proof = self.cli("verify", run_id)
        assert proof["ok"], proof
        assert (proof["classified"], proof["distinct"], proof["duplicates"], proof["missing"]) == (count, count, 0, 0)
        assert set(proof["stage_rows"].values()) == {count}

    def now(self) -> str:
        """The time by PostgreSQL's clock."""
        return self.sql("SELECT now()")

    def in_hand_finished_after_s(self, run_id: str, moment: str) -> float:
        """Seconds from a moment until all was finished that was in flight then."""
        last = f"SELECT extract(epoch FROM max(finished_at) - timestamptz '{moment}') FROM run_indicators"
        return round(float(self.sql(f"{last} WHERE run_id = '{run_id}' AND admitted_at < '{moment}'")), 1)

    def pause_after_s(self, run_id: str, moment: str, until: str = "infinity") -> float:
        """The longest time around a moment in which no indicator was finished, before what happened `until` then."""
        gaps = (
            "SELECT finished_at - lag(finished_at) OVER (ORDER BY finished_at) AS gap FROM run_indicators"
            f" WHERE run_id = '{run_id}' AND finished_at BETWEEN timestamptz '{moment}' - interval '5 s'"
            f" AND least(timestamptz '{moment}' + interval '60 s', timestamptz '{until}')"
        )
        return round(float(self.sql(f"SELECT extract(epoch FROM max(gap)) FROM ({gaps}) AS gaps")), 1)


@contextmanager
def project(folder: Path, **settings: str) -> Iterator[Project]:
    """The project, built; gone afterwards with all its data, whatever happens."""
    made = Project(program(), folder, settings)
    try:
        made.compose("build", "migrate")
        yield made
    finally:
        made.compose("kill", profiles=PROFILES, check=False)
        made.compose("down", "-v", "--remove-orphans", profiles=PROFILES, check=False)


def image_mb() -> int:
    """What the program's image takes, with its base."""
    command = ["docker", "image", "inspect", "classify:test", "--format", "{{.Size}}"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) // 1_000_000


def memory_mb(container: str) -> float:
    """What a container uses now."""
    command = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number, unit = re.findall(r"([\d.]+)([KMG]iB)", said)[0]
    return float(number) * {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}[unit]
