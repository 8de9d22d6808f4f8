"""bin/loadtest over servers of one's own: what it proves, and that it leaves everything else alone."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from redis import Redis
from redis.exceptions import RedisError

from bin.embedded import redis as embedded_redis
from config.settings import ROOT, Settings

REAL, OTHER = "what stays", "somebody else's"


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis that listens on a port, with something in the real database and in the last one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [embedded_redis.server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", tmp_path, "--save", ""]
    server = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    try:
        real, last = Redis(port=port, db=3), Redis(port=port, db=15)
        deadline = time.monotonic() + 10
        while True:
            try:
                real.set("pace:target_ipm", REAL)
                break
            except RedisError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        last.set("cache", OTHER)
        yield f"redis://127.0.0.1:{port}/3"
        assert (real.keys(), real.get("pace:target_ipm")) == ([b"pace:target_ipm"], REAL.encode())
        assert (last.keys(), last.get("cache")) == ([b"cache"], OTHER.encode())
        assert set(real.info("keyspace")) == {"db3", "db15"}, "something was left behind"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def database_url(clean_tables: Settings) -> str:
    return clean_tables.database_address.replace("+psycopg2", "")


def loadtest(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bin.commands.loadtest", *words],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def query(url: str, statement: str) -> list[str]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [str(row[0]) for row in cursor.fetchall()] if cursor.description else []
    finally:
        connection.close()


@pytest.mark.benchmarks
def test_it_is_apart_from_the_real_data(redis_url: str, database_url: str) -> None:
    query(
        database_url,
        "INSERT INTO source_indicators (id, name, sample_values, fingerprint) VALUES ('REAL', 'GDP', '[]', 'x')",
    )
    query(database_url, "CREATE DATABASE classify_loadtest")  # as a killed one leaves it
    query(database_url, "COMMENT ON DATABASE classify_loadtest IS 'made by bin/loadtest, and removed by it'")
    where = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    small = ("--ipm", "1200", "--indicators", "200", "--latency", "0.1", "--workers", "1", "--faults", "0.03")
    done = loadtest(where, *small, "--json")
    assert done.stdout, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["completed"], facts["missing"], facts["duplicates"], facts["verified"]) == (200, 0, 0, True)
    assert done.returncode == (0 if facts["completed_ipm"] >= 0.99 * 1200 else 1)
    assert facts["ok"] is (done.returncode == 0)
    assert facts["verdict"].startswith("HELD: " if facts["ok"] else "MISSED: ")
    assert facts["model"].startswith("simulated")
    assert facts["llm_calls"] > facts["outcomes"]["ok"] >= 600
    assert facts["connections"] == 2 * 4 + 1, "a worker, an admission worker, the load test"
    assert facts["connections"] <= facts["predicted"]["connections"]
    assert facts["cpu_s_per_indicator"]["workers"] > 0

    assert query(database_url, "SELECT datname FROM pg_database WHERE datname LIKE '%loadtest%'") == []
    assert query(database_url, "SELECT id FROM source_indicators") == ["REAL"]
    assert query(database_url, "SELECT count(*) FROM runs") == ["0"]


def test_a_database_of_that_name_that_is_not_its_own_is_left_alone(redis_url: str, database_url: str) -> None:
    query(database_url, "CREATE DATABASE classify_loadtest")
    try:
        refused = loadtest({"REDIS_URL": redis_url, "DATABASE_URL": database_url}, "--indicators", "200")
        assert refused.returncode == 2
        complaint = "there is a database 'classify_loadtest' that bin/loadtest did not make, and it needs the name"
        assert refused.stderr == f"bin/loadtest: {complaint}\n"
        assert query(database_url, "SELECT datname FROM pg_database WHERE datname LIKE '%loadtest'")
    finally:
        query(database_url, "DROP DATABASE classify_loadtest")


def test_a_role_that_may_make_no_database_is_told_so(redis_url: str, database_url: str) -> None:
    query(database_url, "CREATE ROLE plain LOGIN")
    try:
        plain = database_url.replace("postgres@", "plain@")
        refused = loadtest({"REDIS_URL": redis_url, "DATABASE_URL": plain}, "--indicators", "200")
    finally:
        query(database_url, "DROP ROLE plain")
    assert refused.returncode == 2
    assert refused.stderr == (
        "bin/loadtest: PostgreSQL: permission denied to create database: a load test needs a database of its own\n"
    )


def test_too_few_indicators_tell_nothing() -> None:
    refused = loadtest({}, "--ipm", "6000", "--indicators", "10")
    assert refused.returncode == 2
    assert "10 indicators are too few to tell the pace at 6000 IPM: 1,000 at least" in refused.stderr
