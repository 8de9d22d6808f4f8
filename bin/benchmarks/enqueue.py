"""How fast chains are sent off: the ledger and the messages, against as many bare chains.

Nobody works meanwhile. The command as a person runs it is timed as a whole too, from the start of its process.
"""

import json
import subprocess
import sys
import time

from bin.benchmarks.figures import Figure, Outcome
from bin.benchmarks.meter import Meter, Usage
from bin.benchmarks.stack import run_of, stack
from bin.benchmarks.surroundings import say
from classify.errors import UserError
from classify.store import runs
from config.settings import ROOT, Settings
from tasks.clients import redis_client

_IPM = 800


def measure(settings: Settings, *, indicators: int, rounds: int) -> Outcome:
    """Rounds of so many chains each."""
    seconds: list[float] = []
    bare: list[float] = []
    command: list[float] = []
    cpu_ms: list[float] = []
    bare_cpu_ms: list[float] = []
    usages: list[Usage] = []
    with stack(settings, indicators) as s:
        for number in range(rounds):
            sent_s, sent_cpu_s = s.baseline.send(indicators)
            s.baseline.drop()
            bare.append(sent_s)
            bare_cpu_ms.append(1000 * sent_cpu_s / indicators)
            meter = Meter(s.kinds)
            took_s, took_cpu_s = _in_process(indicators)
            usages.append(meter.usage())
            seconds.append(took_s)
            cpu_ms.append(1000 * took_cpu_s / indicators)
            command.append(_as_command(indicators))
            say(f"  round {number + 1} of {rounds}: {seconds[-1]:.1f} s, baseline {bare[-1]:.1f} s")
    rates, bare_rates = (tuple(indicators / s for s in each) for each in (seconds, bare))
    return Outcome(
        "enqueue",
        f"{indicators:,} chains, no workers",
        [
            Figure("rate", "chains a second", rates, bare_rates),
            Figure("time", "s", tuple(seconds), tuple(bare)),
            Figure("time of bin/enqueue as a whole", "s", tuple(command)),
            Figure("CPU of the sender", "core-ms a chain", tuple(cpu_ms), tuple(bare_cpu_ms)),
        ],
        quiet=[usage.quiet for usage in usages],
    )


def _in_process(count: int) -> tuple[float, float]:
    began, began_cpu = time.monotonic(), time.process_time()
    batch = run_of(count, _IPM)
    took = time.monotonic() - began, time.process_time() - began_cpu
    _forget(batch.run_id)
    return took


def _as_command(count: int) -> float:
    words = [sys.executable, "-m", "bin.commands.enqueue", "--limit", str(count), "--force", "--json"]
    began = time.monotonic()
    done = subprocess.run([*words, "--provider", "openai"], cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode:
        raise UserError(f"bin/enqueue ended with status {done.returncode}: {done.stderr.strip()}")
    enqueued = json.loads(done.stdout)
    if enqueued["enqueued"] != count:
        raise UserError(f"bin/enqueue sent {enqueued['enqueued']} of {count} chains")
    _forget(enqueued["run_id"])
    return took


def _forget(run_id: str) -> None:
    runs.halt(run_id, "the benchmark is done with it")
    redis_client().flushdb()
