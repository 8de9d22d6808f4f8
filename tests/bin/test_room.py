"""A PostgreSQL with few connections: who is turned away, what is said, and that the others go on."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from bin.embedded import ensure_stores, postgres, processes, stop_stores, workers
from config.settings import ROOT, Settings, read_settings

LIMIT = 21
"""Two workers, one admission worker, and the eight for commands are 20; each has a pool of 4."""


@pytest.fixture(scope="module")
def few() -> Iterator[Settings]:
    """Stores of their own whose PostgreSQL gives `LIMIT` connections, and three more to superusers."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="cr-", dir="/tmp") as folder:
        patch.setitem(postgres._OPTIONS, "max_connections", str(LIMIT + 3))
        settings = read_settings({"DATA_DIR": f"{folder}/data"})
        try:
            ensure_stores(settings)
            yield settings
        finally:
            workers.stop(settings)
            stop_stores(settings)


def run(settings: Settings, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**os.environ, "DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def sessions(settings: Settings, name: str) -> int:
    url = settings.database_address.replace("+psycopg2", "")
    with psycopg2.connect(url, application_name="test") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name,))
        return int(cursor.fetchone()[0])  # type: ignore[index]


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.faults
def test_more_workers_than_there_is_room_for(few: Settings) -> None:
    refused = run(few, "bin.commands.stack", "up", "--workers", "3")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "bin/stack: 3 workers need 24 connections to PostgreSQL (4 each, 4 for admission, 8 for commands) and it gives"
        " 21: at most 2 workers, or raise max_connections to 27 (bin/plan calculates)\n"
    )
    assert run(few, "bin.commands.all_in_one", "--workers", "3").returncode == 2

    assert run(few, "bin.commands.stack", "up", "--workers", "2").returncode == 0
    eventually(lambda: sessions(few, "classify worker") == 8)
    eventually(lambda: sessions(few, "classify admission") == 4)

    one_more = run(few, "bin.commands.worker", "--name", "more")
    assert one_more.returncode == 2
    assert [line for line in one_more.stderr.splitlines() if "more@" in line] == [
        line for line in one_more.stderr.splitlines() if "there would be 16 taken and 8 to keep" in line
    ]
    assert "Traceback" not in one_more.stderr
    assert sessions(few, "classify worker") == 8
    assert run(few, "bin.commands.health").returncode == 0
    assert run(few, "bin.commands.stack", "down").returncode == 0


def test_no_connection_left_at_all(few: Settings) -> None:
    ensure_stores(few)
    url = few.database_address.replace("+psycopg2", "")
    # The user of the embedded server may have the three reserved ones too: two are left of all.
    others = [psycopg2.connect(url) for _ in range(LIMIT + 1)]
    try:
        refused = run(few, "bin.commands.admission", "--name", "late")
    finally:
        for one in others:
            one.close()
    assert refused.returncode == 2
    assert "PostgreSQL has no room for this admission's 4 connections: raise its max_connections" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert processes.find(few, "late") is None
