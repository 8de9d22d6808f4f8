"""Words of third parties, as bad as they come, all the way: load, run, logs, report, page, export. They stay words."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import ADMISSION, Cluster, no_simulator, wait_for
from nasty_provider import FORGED, REFUSED, WORDS
from sqlalchemy import text

from bin.embedded import places
from classify.intake.csv_cells import bare
from classify.store import engine, facts, runs
from classify.store.runs import Selection
from classify.store.tables import metadata
from config.settings import ROOT, Settings
from tasks.enqueue import send
from tasks.pace import pace

IDS = [
    REFUSED,
    "'; DROP TABLE classifications; --",
    '"); DELETE FROM runs; --',
    "%s %(x)s {} {0.__class__} ${jndi:ldap://x} $(reboot) `reboot`",
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "@SUM(1)|cmd",
    "joined \u200d and \u200b unseen",
    "[bold red]x[/] [link=http://x]y[/link]",
    "../../etc/passwd",
    "--help",
    "\\x1b[31m \\n \\",
    "日本語 ☃ 😀",
    "long" * 63,
]
BAD_IDS = ["turned \u202e around", "a\x1b[2Jb", "a\nb", "a\x00b", "\ud800", "x" * 256]
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What commands a terminal, or makes a line look like another."""


@pytest.fixture
def small(clean_tables: Settings) -> Iterator[Cluster]:
    cluster = Cluster(clean_tables, no_simulator)
    cluster.environment = {"LOG_LEVEL": "INFO"}
    names = (ADMISSION, "worker1", "worker2")
    for name in names:
        places.log_file(clean_tables, name).unlink(missing_ok=True)
    try:
        options = ["--include", "tests.faults.nasty_provider"]
        cluster.start(ADMISSION, "worker1", options=options)
        cluster.environment["LOG_FORMAT"] = "json"
        cluster.start("worker2", options=options)
        yield cluster
    finally:
        cluster.stop()


def _command(name: str, *arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", f"bin.commands.{name}", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for said in (done.stdout, done.stderr):
        assert not _UNSEEN.search(said), f"{name}: {said!r}"
        assert "Traceback" not in said
        assert not any(line.startswith(FORGED) for line in said.splitlines())
    return done


def test_words_stay_words(small: Cluster, tmp_path: Path) -> None:
    source, page, table = tmp_path / "nasty.jsonl", tmp_path / "page.html", tmp_path / "out.csv"
    rows = [{"id": i, "name": f"n {WORDS}", "units": WORDS, "definition": WORDS * 40} for i in [*IDS, *BAD_IDS]]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = _command("load", source, cwd=tmp_path)
    assert loaded.returncode == 1
    rejected = source.with_name("nasty.jsonl.rejects.jsonl").read_text().splitlines()
    assert len(rejected) == len(BAD_IDS)
    assert not any(_UNSEEN.search(line) for line in rejected)

    run = runs.open_run(Selection(), target_ipm=6000, provider="nasty", model="nasty")
    assert run is not None
    pace().set_target(run.target_ipm)
    send(run)
    wait_for(lambda: runs.counts(run.run_id).finished == len(IDS), 40)
    runs.close_finished_runs()
    proof = facts.verify(run.run_id)
    assert (proof.classified, proof.failed, proof.duplicates) == (len(IDS) - 1, 1, 0)

    for command in ("report", "verify", "monitor", "review list", "health"):
        _command(*command.split())
    assert "the model refuses" in _command("report", "--html", page).stdout
    assert "<script>alert" not in page.read_text()
    assert "DROP TABLE" in page.read_text()
    assert _command("enqueue", "--id", *(i for i in IDS if not i.startswith("-"))).returncode == 0

    assert _command("export", table).returncode == 0
    with table.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(("=", "@", "+", "-")) for cell in cells), "a spreadsheet would run it"
    assert {bare(cell) for cell in cells} >= {i for i in IDS if i != REFUSED}

    with engine().connect() as connection:
        names = {row[0] for row in connection.execute(text("SELECT tablename FROM pg_tables"))}
    assert names >= {t.name for t in metadata.sorted_tables}
    logs = {name: places.log_file(small.settings, name).read_text() for name in (ADMISSION, "worker1", "worker2")}
    for name, log in logs.items():
        assert not _UNSEEN.search(log), name
        assert not any(line.startswith(FORGED[:10]) and "forged" in line[:60] for line in log.split("\n")), name
    assert "DROP TABLE" in "".join(logs.values())
    objects = [json.loads(line) for line in logs["worker2"].splitlines() if line.startswith("{")]
    assert {line["indicator"] for line in objects if "indicator" in line} <= set(IDS)
