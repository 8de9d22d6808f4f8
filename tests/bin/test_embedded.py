"""The embedded servers for real: from nothing, after every kind of crash, in awkward folders, two commands at once."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from redis import Redis

from bin.embedded import ensure_stores, places, postgres, processes, redis, stop_stores
from classify.errors import UserError
from config.settings import ROOT, Settings

NAMES = (redis.NAME, postgres.NAME)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, since most of these tests are not about what happens when it is long."""
    made = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data folder for most tests, since making one is what takes time."""
    with tempfile.TemporaryDirectory(prefix="ct-", dir="/tmp") as made:
        yield Path(made) / "data"


@pytest.fixture
def settings(data: Path) -> Iterator[Settings]:
    """Of that folder, with nothing running."""
    yield (settings := Settings(data_dir=data))
    stop_stores(settings)


def copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)


def pids(settings: Settings) -> list[int]:
    found = [processes.find(settings, name) for name in NAMES]
    assert all(found)
    return [process.pid for process in found if process]


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with psycopg2.connect(settings.database_address.replace("+psycopg2", "")) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def put(settings: Settings) -> None:
    query(settings, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS it")
    with Redis.from_url(settings.redis_address) as client:
        client.set("kept", "42")


def holds(settings: Settings) -> bool:
    with Redis.from_url(settings.redis_address) as client:
        return client.get("kept") == b"42" and query(settings, "SELECT it FROM kept") == [(42,)]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_from_nothing_then_again_then_stopped(folder: Path) -> None:
    settings = Settings(data_dir=folder / "data")
    try:
        assert ensure_stores(settings) is True
        assert ensure_stores(settings) is False
        put(settings)
        assert holds(settings)
        for pid in pids(settings):
            assert os.getsid(pid) == pid, "it would end with the terminal"
            if psutil.LINUX:
                assert not [c for c in psutil.Process(pid).net_connections("inet") if c.status == "LISTEN"]
        assert settings.run_dir.stat().st_mode & 0o077 == 0
        assert query(settings, "SHOW listen_addresses") == [("",)]
        assert query(settings, "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database LIMIT 1") == [
            ("UTF8", "C")
        ]
        before = pids(settings)
        assert stop_stores(settings) == ["redis", "postgres"]
        assert not any(psutil.pid_exists(pid) and processes.birth(pid) for pid in before)
        assert stop_stores(settings) == []
    finally:
        stop_stores(settings)


def test_data_survives_a_stop_and_a_kill(settings: Settings) -> None:
    ensure_stores(settings)
    put(settings)
    stop_stores(settings)
    assert ensure_stores(settings)
    assert holds(settings)
    for pid in pids(settings):
        kill(pid)
    assert ensure_stores(settings)
    assert holds(settings)


def test_one_of_two_is_killed(settings: Settings) -> None:
    ensure_stores(settings)
    first, second = pids(settings)
    kill(first)
    assert ensure_stores(settings)
    assert pids(settings)[1] == second


def test_pids_that_now_belong_to_somebody_else(settings: Settings) -> None:
    ensure_stores(settings)
    records = {name: places.records_dir(settings) / f"{name}.pid" for name in NAMES}
    texts = {name: path.read_text() for name, path in records.items()}
    lock = settings.run_dir / ".s.PGSQL.5432.lock"
    postmaster = (postgres.folder(settings) / "postmaster.pid").read_text()
    old = dict(zip(NAMES, pids(settings), strict=True))
    stop_stores(settings)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        for name, path in records.items():
            path.write_text(texts[name].replace(str(old[name]), str(stranger.pid)))
        _, rest = postmaster.split("\n", 1)
        for path in (postgres.folder(settings) / "postmaster.pid", lock):
            path.write_text(f"{stranger.pid}\n{rest}")
        assert stop_stores(settings) == []
        assert ensure_stores(settings)
        assert stop_stores(settings) == ["redis", "postgres"]
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("part", ["run", "logs"])
def test_a_folder_is_removed_under_running_servers(settings: Settings, part: str) -> None:
    ensure_stores(settings)
    put(settings)
    before = pids(settings)
    shutil.rmtree(settings.data_dir / part)
    assert ensure_stores(settings) is (part == "run")
    assert holds(settings)
    if part == "run":
        assert not any(processes.birth(pid) for pid in before), "two servers on the same data"


def test_the_copy_of_a_running_folder_is_another_stack(settings: Settings, folder: Path) -> None:
    ensure_stores(settings)
    put(settings)
    other = Settings(data_dir=folder / "copy")
    copy(settings.data_dir, other.data_dir)
    try:
        assert stop_stores(other) == []
        assert ensure_stores(other)
        assert holds(other)
        assert not set(pids(settings)) & set(pids(other))
    finally:
        stop_stores(other)
    assert holds(settings)


def test_a_half_made_data_folder_is_made_anew(folder: Path) -> None:
    settings = Settings(data_dir=folder / "data")
    places.prepare(settings)
    draft = postgres.folder(settings).with_name("draft")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    try:
        assert ensure_stores(settings)
    finally:
        stop_stores(settings)


def test_a_long_path_with_awkward_characters(folder: Path) -> None:
    parent = folder / ("sehr lang, mit 'Ünïcödé' & Leerzeichen " * 5)
    parent.mkdir()
    settings = Settings(data_dir=parent / "data")
    try:
        assert ensure_stores(settings)
        assert ensure_stores(settings) is False
    finally:
        assert stop_stores(settings) == ["redis", "postgres"]
        shutil.rmtree(settings.run_dir)


def test_two_commands_at_once(settings: Settings) -> None:
    code = (
        "from bin.embedded import ensure_stores; from config.settings import settings; print(ensure_stores(settings()))"
    )
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=30)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said in (["False\n", "True\n"], ["False\n", "False\n"], ["True\n", "True\n"])
    folders = {redis.folder(settings): redis.PROGRAMS, postgres.folder(settings): postgres.PROGRAMS}
    for place, programs in folders.items():
        working = [p for p in psutil.process_iter() if processes._works_in(p.pid, place, programs)]
        assert len([p for p in working if os.getsid(p.pid) == p.pid and p.ppid() not in [w.pid for w in working]]) == 1


def test_a_server_that_does_not_start_says_why(settings: Settings) -> None:
    places.prepare(settings)
    kept = redis.folder(settings) / "appendonly.aof"
    kept.write_text("this is no append-only file\n" * 3)
    with pytest.raises(UserError, match=r"^redis did not start: .*format.*\(log: .*/logs/redis\.log\)$") as raised:
        ensure_stores(settings)
    assert "\n" not in str(raised.value)
    kept.unlink()


def test_folders_of_other_people_are_left_alone(folder: Path) -> None:
    (folder / "logs").mkdir()
    with pytest.raises(UserError, match="has a 'logs' that this program did not make"):
        ensure_stores(Settings(data_dir=folder))
    (folder / "file").touch()
    with pytest.raises(UserError, match="cannot be used: Not a directory"):
        ensure_stores(Settings(data_dir=folder / "file" / "data"))
    assert sorted(path.name for path in folder.iterdir()) == ["file", "logs"]
    assert stop_stores(Settings(data_dir=folder)) == []


def test_no_server_on_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(folder))
    for server, variable in ((redis.server, "REDIS_URL"), (postgres.programs, "DATABASE_URL")):
        with pytest.raises(UserError, match=f"for this platform: put .* on the PATH, or set {variable}"):
            server()
    for name in ("redis-server", "postgres", "initdb"):
        (folder / name).touch(0o755)
    assert (redis.server(), postgres.programs()) == (folder / "redis-server", folder)


@pytest.fixture
def spawned(folder: Path) -> Iterator[Callable[..., processes.Process]]:
    settings = Settings(data_dir=folder / "data")
    yield lambda name, *command: processes.spawn(settings, name, command)
    processes.stop(settings, processes.recorded(settings), signal.SIGKILL)


def test_a_process_that_does_not_end_by_itself_is_killed(
    folder: Path, spawned: Callable[..., processes.Process]
) -> None:
    settings = Settings(data_dir=folder / "data")
    deaf = spawned("deaf2", "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
    polite = spawned("polite10", "sleep", "60")
    log = places.log_file(settings, "deaf2")
    while processes.last_lines(log, 1) != ["deaf"]:
        pass
    assert processes.recorded(settings) == ["deaf2", "polite10"]
    assert processes.stop(settings, ["deaf2", "polite10", "nobody"], grace_s=0.2) == ["deaf2"]
    assert not deaf.alive
    assert not polite.alive
    assert processes.recorded(settings) == []


def test_a_process_that_ended_is_not_found(folder: Path, spawned: Callable[..., processes.Process]) -> None:
    process = spawned("brief", "true")
    assert processes.wait(process, 5)
    assert processes.find(Settings(data_dir=folder / "data"), "brief") is None
