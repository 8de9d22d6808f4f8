"""`bin/simulate-llm` as a process: the line it prints, its end, a user's mistakes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import APIConnectionError, OpenAI

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "bin.commands.simulate_llm"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def simulated(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_gracefully(number: signal.Signals) -> None:
    with simulated("--latency", "0.7", "--latency-sigma", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        client = OpenAI(base_url=url, api_key="any", max_retries=0, timeout=5)
        answers = []

        def ask() -> None:
            made = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
            answers.append(made.model)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.35)
        process.send_signal(number)
        time.sleep(0.1)
        with pytest.raises(APIConnectionError):
            OpenAI(base_url=url, api_key="any", max_retries=0).models.list()
        thread.join(5)
        assert answers == ["simulated-m"]
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "1 requests: 1 answered\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--port", "70000"], "not a port"),
        (["--drop", "0.7", "--hang", "0.7"], "more than 1 together"),
        (["--no-json-schema", "404"], "no_json_schema"),
        (["--rubbish-kinds", "poems"], "rubbish_kinds"),
        (["--latency", "-1"], "latency_s"),
        (["--rpm", "nan"], "rpm"),
        (["--host", "999.1.1.1"], "cannot listen"),
    ],
)
def test_a_mistake_is_one_line(options: list[str], complaint: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--port", "0", *options], capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT, timeout=10
    )
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_a_mistake() -> None:
    with simulated() as (_, url):
        port = url.split(":")[2].removesuffix("/v1")
        done = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT, timeout=10
        )
    assert done.returncode == 2
    assert done.stderr == f"bin/simulate-llm: cannot listen on 127.0.0.1, port {port}: Address already in use\n"
