"""The simulated endpoint as a process of its own beside a measurement, so that its work is not counted in."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bin.benchmarks.machine import Child
from classify.errors import UserError


class SimulatedLLM:
    """A running `bin/simulate-llm`; `url` is what an OpenAI client takes as its base."""

    def __init__(self, url: str, process: Child) -> None:
        self.url = url
        self.process = process

    def control(self, **knobs: Any) -> None:
        """Change its behaviour."""
        self._post("control", knobs)

    def reset(self) -> None:
        """Let its stats begin anew."""
        self._post("stats/reset", {})

    def stats(self) -> dict[str, Any]:
        """What it has done since the last reset."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as answer:  # noqa: S310  # our own, on loopback
            stats: dict[str, Any] = json.load(answer)
        return stats

    def _post(self, path: str, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        with urllib.request.urlopen(f"{self.url}/{path}", body, timeout=10):  # noqa: S310  # our own, on loopback
            pass


@contextmanager
def simulated_llm(folder: Path, *options: str) -> Iterator[SimulatedLLM]:
    """A simulated endpoint on a free port, with its log in `folder`.

    Raises
    ------
    UserError
        When it does not start.
    """
    command = [sys.executable, "-m", "bin.commands.simulate_llm", "--port", "0", *options]
    with Child(command, {}, folder / "simulate-llm.log", piped=True) as process:
        url = process.first_line()
        if not url:
            raise UserError(f"the simulated endpoint did not start: {process.last_words()}")
        yield SimulatedLLM(url, process)
