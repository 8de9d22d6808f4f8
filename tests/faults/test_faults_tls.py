"""Stores over TLS, with a password: a whole run over them, and nothing said to a server that cannot prove who it is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from cluster import wait_for
from tls_front import TlsFront, tls_front

from bin.embedded import postgres, processes, redis
from classify.indicator import Indicator
from classify.store import sources
from config.settings import ROOT, Settings

PASSWORD = "p@ss/w:rd%20 ?#"
COUNT = 30


@dataclass
class Secured:
    """Both stores behind TLS, and the files of the CA that signed for them and of one that did not."""

    redis: TlsFront
    postgres: TlsFront
    ca: Path
    other_ca: Path

    def environment(self, *, redis_ca: Path | None = None, postgres_ca: Path | None = None) -> dict[str, str]:
        login = f":{quote(PASSWORD, safe='')}@localhost:{self.redis.port}/0"
        options = f"sslmode=verify-full&sslrootcert={postgres_ca or self.ca}"
        return {
            "REDIS_URL": f"rediss://{login}?ssl_ca_certs={redis_ca or self.ca}",
            "DATABASE_URL": f"postgresql://postgres@localhost:{self.postgres.port}/{postgres.DATABASE}?{options}",
        }


@pytest.fixture(scope="module")
def redis_with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", path, "--requirepass", PASSWORD, "--save", "", "--dir", folder]
    server = subprocess.Popen([redis.server(), *options], stdout=subprocess.DEVNULL)
    try:
        wait_for(path.exists, 10)
        yield path
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def secured(clean_tables: Settings, redis_with_password: Path, tmp_path: Path) -> Iterator[Secured]:
    ca, other = trustme.CA(), trustme.CA()
    paths = tmp_path / "ca.pem", tmp_path / "other.pem"
    ca.cert_pem.write_to_path(str(paths[0]))
    other.cert_pem.write_to_path(str(paths[1]))
    with (
        tls_front(redis_with_password, ca) as first,
        tls_front(postgres.socket_file(clean_tables), ca, speaks_first=True) as second,
    ):
        yield Secured(first, second, *paths)


def _command(environment: dict[str, str], name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", f"bin.commands.{name}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.faults
def test_a_whole_run_over_tls(secured: Secured, clean_tables: Settings, tmp_path: Path) -> None:
    environment = secured.environment()
    source = tmp_path / "some.jsonl"
    sample = _command(environment, "sample", "--count", str(COUNT))
    source.write_text(sample.stdout)
    names = ("admission", "worker1")
    try:
        for name, module in zip(names, ("admission", "worker"), strict=True):
            command = [sys.executable, "-m", f"bin.commands.{module}", "--name", name]
            processes.spawn(clean_tables, name, command, environment)
        loaded = _command(environment, "load", str(source))
        assert loaded.returncode == 0, loaded.stderr
        followed = _command(environment, "enqueue", "--ipm", "6000", "--provider", "rules", "--follow")
        assert followed.returncode == 0, followed.stderr
        proof = json.loads(_command(environment, "verify", "--json").stdout)
        assert (proof["ok"], proof["classified"]) == (True, COUNT)
        shown = _command(environment, "stack", "status").stdout
        assert "rediss://" in shown
        assert quote(PASSWORD, safe="") not in shown
    finally:
        processes.stop(clean_tables, names)
    assert (secured.redis.refused, secured.postgres.refused) == (0, 0)


@pytest.mark.parametrize("store", ["redis", "postgres"])
def test_a_server_of_another_ca_is_refused_in_one_line(secured: Secured, store: str) -> None:
    environment = secured.environment(**{f"{store}_ca": secured.other_ca})  # type: ignore[arg-type]
    sources.load([Indicator(id="GDP", name="Gross domestic product")])
    for name in ("enqueue", "pace") if store == "redis" else ("enqueue", "worker", "verify"):
        done = _command(environment, name)
        assert done.returncode == 2, done.stderr
        [line] = done.stderr.splitlines()
        assert "certificate verify failed" in line
        assert quote(PASSWORD, safe="") not in line


_BROKER = """
from tasks.celery import app
try:
    app.connection_for_write().ensure_connection(max_retries=0, timeout=2)
except Exception as error:
    print(error)
else:
    print("connected")
"""


def test_the_broker_is_not_trusted_unseen(secured: Secured) -> None:
    """kombu alone would take any certificate, and send it the password, where the URL names no CA."""
    address = secured.environment()["REDIS_URL"].partition("?")[0]
    for url, expected in ((address, "certificate verify failed"), (f"{address}?ssl_cert_reqs=none", "connected")):
        environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", _BROKER], env=environment, capture_output=True, text=True, check=True
        )
        assert expected in done.stdout
