"""The monitor: what it counts agrees with `verify`, and what it draws fits its terminal."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.console import Console
from sqlalchemy.exc import OperationalError

from bin.live.fleet import Fleet, Heard
from bin.live.look import Look, Watch
from bin.live.screen import Screen, line
from classify.store import facts, runs, sources
from classify.store.glance import glance
from classify.store.runs import Counts, Run, Selection
from config.settings import ROOT, Settings
from tasks.clients import redis_client
from tasks.pace import pace
from tests.bin.ledger import finish, indicators


def opened(count: int) -> Run:
    sources.load(indicators(count))
    run = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert run
    pace().set_target(600)
    return run


@pytest.fixture
def half_way(clean_tables: Settings) -> Run:
    run = opened(20)
    finish(run, failed=1, left=5, begun=4)
    return run


def test_a_glance_counts_what_the_tables_hold(half_way: Run) -> None:
    seen = glance(half_way.run_id)
    counts = (seen.counts.queued, seen.counts.admitted, seen.counts.done, seen.counts.failed)
    assert counts == (5, 4, 10, 1)
    assert list(seen.stages.values()) == [14, 14, 10, 10, 10, 10, 10]
    assert seen.workers == {"worker1@test": 5, "worker2@test": 5}
    assert seen.last_minute == 10
    assert seen.failure is not None
    assert (seen.failure.stage, seen.failure.message) == ("type", "no <answer>")


def test_its_totals_are_those_of_verify_at_the_end(clean_tables: Settings) -> None:
    run = opened(12)
    finish(run)
    runs.close_finished_runs()
    seen, proof = glance(run.run_id), facts.verify(run.run_id)
    assert proof.ok
    assert set(seen.stages.values()) == {proof.classified} == set(proof.stage_rows.values())
    assert sum(seen.workers.values()) == 12


def fleet_of(count: int) -> Fleet:
    fleet = Fleet()
    for number in range(1, count + 1):
        fleet.note({"type": "worker-heartbeat", "hostname": f"worker{number}@test", "active": 3, "processed": 7})
    return fleet


def drawn(look: Look, width: int, height: int, **options: object) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None, **options)  # type: ignore[arg-type]
    console.print(Screen(look))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (60, 20), (100, 30)])
@pytest.mark.parametrize("workers", [0, 2, 40])
def test_it_fits_its_terminal(half_way: Run, width: int, height: int, workers: int) -> None:
    look = Watch(half_way, fleet_of(workers)).look()
    lines = drawn(look, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    whole = "\n".join(lines)
    for words in (half_way.run_id, "normalize", "save", "target 600", "of at most", "BadAnswerError", "worker1@test"):
        assert words in whole
    if workers == 40 and height < 40:
        assert "more workers" in whole


def test_a_silent_worker_is_shown_before_others(half_way: Run) -> None:
    fleet = fleet_of(40)
    fleet._heard["worker33@test"] = Heard(time.monotonic() - 20)
    fleet.note({"type": "worker-offline", "hostname": "worker2@test"})
    look = Watch(half_way, fleet).look()
    whole = "\n".join(drawn(look, 80, 24))
    assert "silent 20 s" in whole
    assert "ended" in whole
    assert "silent: worker33@test" in line(look)


def away(*_: object) -> None:
    raise ConnectionError


def test_without_redis_it_goes_on_by_the_ledger_and_says_so(half_way: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(1)
    fleet._heard["worker1@test"] = Heard(time.monotonic() - 20)
    watch = Watch(half_way, fleet)
    monkeypatch.setattr("bin.live.look.pace", away)
    look = watch.look()
    assert (look.target_ipm, look.glance.counts.done) == (600, 10)
    lines = drawn(look, 80, 24)
    assert lines[1].strip() == "Redis is away"
    monkeypatch.undo()
    assert drawn(watch.look(), 80, 24)[1].strip() == ""


def test_without_the_database_it_shows_what_was_known(half_way: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(run_id: str) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    watch = Watch(half_way, fleet_of(1))
    watch.look()
    monkeypatch.setattr("bin.live.look.glance", gone)
    look = watch.look()
    assert (look.stale, look.glance.counts.done) == (True, 10)
    assert "the database is away, the counts are from 0 s ago" in drawn(look, 80, 24)[1]


def test_figures_that_have_no_room_are_left_out_and_not_cut(half_way: Run) -> None:
    look = Watch(half_way, fleet_of(1)).look()
    figures = [text for text in drawn(look, 50, 24) if text.startswith(("pace", "in flight", "left"))]
    assert len(figures) == 3
    assert not any("…" in text for text in figures)


@pytest.mark.parametrize(
    ("active_s", "last_minute", "last_now", "left"),
    [
        (5.0, 0, 0, 90),  # by the target while there is nothing to measure
        (65.0, 300, 50, 180),
        (30.0, 20, 50, 180),  # goes on after a pause: the last minute knows little of it
        (65.0, 0, 0, None),  # stands still
    ],
)
def test_what_is_left_goes_by_the_measured_pace(
    half_way: Run, active_s: float, last_minute: int, last_now: int, left: float | None
) -> None:
    look = Watch(half_way, Fleet()).look()
    counts = Counts(queued=895, admitted=5, done=99, failed=1)
    seen = replace(look.glance, counts=counts, active_s=active_s, last_minute=last_minute, last_now=last_now)
    look = replace(look, run=replace(look.run, total=1000), glance=seen)
    assert look.eta_s == (None if left is None else pytest.approx(left))


def test_no_colour_when_asked(half_way: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    look = Watch(half_way, fleet_of(1)).look()
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    console.print(Screen(look))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[3" not in console.file.getvalue()
    assert "\x1b[1;3" not in console.file.getvalue()


def test_without_a_terminal_it_prints_lines_and_ends_with_the_run(clean_tables: Settings) -> None:
    run = opened(4)
    finish(run)
    command = [sys.executable, "-m", "bin.commands.monitor"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\n") == 1
    assert "100 %  4 of 4" in finished.stdout


def test_the_fleet_hears_of_workers_through_redis(stores: Settings) -> None:
    from tasks.celery import app

    redis_client().ping()
    with Fleet() as fleet, app.connection_for_write() as connection:
        dispatcher = app.events.Dispatcher(connection, hostname="far@test", enabled=True)
        deadline = time.monotonic() + 10
        while "far@test" not in fleet.heard() and time.monotonic() < deadline:
            dispatcher.send("worker-heartbeat", active=2, processed=9, freq=2)
            time.sleep(0.1)
        heard = fleet.heard()["far@test"]
    assert (heard.in_hand, heard.processed, heard.state) == (2, 9, "up")


@pytest.mark.parametrize("command", [["monitor"], ["enqueue", "--follow", "--ipm", "600"]])
def test_on_a_terminal_it_draws_a_screen_and_ctrl_c_leaves_the_run_going(
    clean_tables: Settings, command: list[str]
) -> None:
    if command == ["monitor"]:
        finish(opened(9), left=9)
    else:
        sources.load(indicators(9))
    ours, its = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
    python = [sys.executable, "-m", f"bin.commands.{command[0]}", *command[1:]]
    process = subprocess.Popen(python, stdin=its, stdout=its, stderr=its, env=env)
    os.close(its)
    said = b""
    try:
        while b"orientation" not in said:
            assert select.select([ours], [], [], 30)[0], said
            said += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # how Linux says that nobody writes any more
                break
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert said.count(b"\x1b[?1049h") == said.count(b"\x1b[?1049l") == 1
    after = said.partition(b"\x1b[?1049l")[2].decode()
    run = runs.find_run()
    assert f"the run goes on; bin/monitor {run.run_id} watches it" in after
    assert "Traceback" not in after
    assert run.status == "running"
