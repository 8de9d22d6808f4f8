"""Flower: who may see it, what it shows, and that it changes the pace."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError

from bin.commands.flower import is_loopback
from bin.embedded import processes
from bin.live.flower_config import format_task, refuses_other_sites
from classify.store import sources
from classify.store.runs import Selection
from config.settings import ROOT, Settings
from tasks.celery import app
from tasks.enqueue import start_run
from tasks.pace import pace
from tests.bin.ledger import indicators

COMMAND = [sys.executable, "-m", "bin.commands.flower"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@pytest.mark.parametrize(
    ("arguments", "credentials", "complaint"),
    [
        (["--host", "0.0.0.0"], "", "needs credentials: set FLOWER_BASIC_AUTH"),
        (["--host", "example.org"], "", "needs credentials"),
        (["--host", "0.0.0.0"], "nopassword", "must be user:password"),
        (["--basic_auth=me:secret"], "", "would be there for all to read"),
        (["--address=0.0.0.0"], "", "say --host"),
        (["--unix_socket=/tmp/x"], "", "say --host"),
    ],
)
def test_it_refuses_what_would_be_open(arguments: list[str], credentials: str, complaint: str) -> None:
    finished = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(FLOWER_BASIC_AUTH=credentials),
        check=False,
    )
    assert finished.returncode == 2
    assert complaint in finished.stderr
    assert "secret" not in finished.stderr


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "10.0.0.1", "example.org")))


def test_a_task_is_shown_as_its_indicator_and_the_answer_of_its_stage() -> None:
    def shown(args: str | None, result: str | None) -> tuple[str | None, str | None]:
        task = format_task(SimpleNamespace(args=args, result=result))
        return task.args, task.result

    result = (
        "{'run': 'r', 'indicator': 'X', 'provider': 'rules', 'findings': {'type': {'indicator_type': 'flow'}, 'f..."
    )
    assert shown("20261123-1/GDP/X", result) == ("GDP/X in 20261123-1", "indicator_type: flow")
    assert shown("()", "None") == ("()", "")
    assert shown(None, None) == (None, None)


@pytest.mark.parametrize(
    ("headers", "host", "refused"),
    [
        ({}, "127.0.0.1:5555", False),
        ({"Origin": "http://127.0.0.1:5555", "Sec-Fetch-Site": "same-origin"}, "127.0.0.1:5555", False),
        ({"Origin": "http://evil.example"}, "127.0.0.1:5555", True),
        ({"Sec-Fetch-Site": "cross-site"}, "127.0.0.1:5555", True),
        ({"Origin": "http://evil.example:5555"}, "evil.example:5555", True),  # a name that was bound to this address
        ({}, "evil.example:5555", True),
    ],
)
def test_other_sites_give_no_orders(headers: dict[str, str], host: str, refused: bool) -> None:
    handler = SimpleNamespace(
        request=SimpleNamespace(headers=headers, host=host),
        application=SimpleNamespace(options=SimpleNamespace(basic_auth=[])),
    )
    checked: list[Any] = []
    check = refuses_other_sites(checked.append)
    if refused:
        with pytest.raises(HTTPError, match="403"):
            check(handler)
    else:
        check(handler)
    assert checked == ([] if refused else [handler])


def ask(url: str, data: dict[str, str] | None = None) -> Any:
    password = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    password.add_password(None, url, "me", "secret")
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(password))
    body = urllib.parse.urlencode(data).encode() if data else None
    request = urllib.request.Request(url, body, {"Authorization": "Basic bWU6c2VjcmV0"})
    with opener.open(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_it_shows_tasks_and_workers_and_changes_the_pace(clean_tables: Settings, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = {"admission": "admission", "worker1": "worker"}
    for name, command in names.items():
        processes.spawn(clean_tables, name, [sys.executable, "-m", f"bin.commands.{command}", "--name", name])
    said = (tmp_path / "flower.log").open("wb")
    flower = subprocess.Popen(
        [*COMMAND, "--port", str(port)],
        env=environment(FLOWER_BASIC_AUTH="me:secret"),
        stdout=said,
        stderr=said,
    )
    url = f"http://127.0.0.1:{port}"

    def until(wanted: Any, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if found := wanted():
                    return found
            except (OSError, ValueError):
                pass
            assert time.monotonic() < deadline, (tmp_path / "flower.log").read_text()[-2000:]
            time.sleep(0.2)

    try:

        def known() -> dict[str, Any]:
            found: dict[str, Any] = ask(f"{url}/api/workers?refresh=1")
            return found if sum("stats" in worker for worker in found.values()) == 2 else {}

        workers = until(known)
        admission = next(name for name in workers if name.startswith("admission@"))
        assert workers[admission]["stats"]["pool"]["max-concurrency"] == 8
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/api/workers", timeout=10)

        app.control.enable_events(reply=True, timeout=1)  # as Flower does every five seconds
        sources.load(indicators(3))
        run = start_run(Selection(), ipm=6000, provider="rules")
        assert run
        tasks = until(
            lambda: (
                len(found := [t for t in ask(f"{url}/api/tasks").values() if t["state"] == "SUCCESS"]) == 21 and found
            )
        )
        assert {task["args"] for task in tasks} == {f"{run.run_id}/I{i}" for i in range(3)}
        answer = next(task["result"] for task in tasks if task["name"] == "tasks.type")
        assert answer.startswith("type: {'indicator_type': ")

        limit = {"workername": admission, "ratelimit": "1200"}  # as the page's field sends it
        until(lambda: "message" in ask(f"{url}/api/task/rate-limit/tasks.normalize", limit))
        until(lambda: pace().target_ipm == 1200)
        until(lambda: "message" in ask(f"{url}/api/task/rate-limit/tasks.normalize", {**limit, "ratelimit": "90/h"}))
        until(lambda: pace().target_ipm == 1.5)
    finally:
        flower.send_signal(signal.SIGTERM)
        flower.wait(10)
        said.close()
        processes.stop(clean_tables, names)
