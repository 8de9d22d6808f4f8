"""A whole cluster under measurement: the real workers over stores of their own, asking a simulated endpoint."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from bin.benchmarks.machine import Child
from bin.benchmarks.simulated import SimulatedLLM, simulated_llm
from bin.benchmarks.surroundings import stores_of
from bin.embedded import workers
from classify.errors import UserError
from config.settings import Settings

_READY_WITHIN_S = 90.0


class Fleet:
    """Workers that come and go; a context manager that ends them all.

    Parameters
    ----------
    settings
        Where the stores are.
    llm
        The endpoint that they ask.
    folder
        Where their logs go.
    environment
        Variables that are other than those of a benchmark, which knows no limits.
    """

    def __init__(
        self, settings: Settings, llm: SimulatedLLM, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.settings = settings
        self._environment = environment or {}
        self.llm = llm
        self._folder = folder
        self._stack = ExitStack()
        self._children: dict[str, Child] = {}
        self._started = 0

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, kind: str, concurrency: int | None = None) -> str:
        """Start an `admission` worker or a stage `worker`; its name."""
        self._started += 1
        name = f"{kind}{self._started}"
        command = workers.command(workers.ADMISSION if kind == workers.ADMISSION else name, concurrency)
        command[command.index("--name") + 1] = name
        environment = {
            **stores_of(self.settings),
            "OPENAI_BASE_URL": self.llm.url,
            "OPENAI_API_KEY": "",
            "OPENAI_RPM": "",
            "OPENAI_TPM": "",
            "OPENAI_TIMEOUT": "120",
            **self._environment,
        }
        self._children[name] = self._stack.enter_context(Child(command, environment, self._folder / f"{name}.log"))
        return name

    def families(self, kind: str = "") -> dict[str, list[psutil.Process]]:
        """Name → the processes of each worker that runs: of all, of the `admission` workers, or the stage `worker`s."""
        return {name: child.family() for name, child in self._children.items() if name.startswith(kind)}

    def kill(self, name: str) -> None:
        """Kill -9."""
        for process in self._children.pop(name).family():
            process.kill()

    def stop(self, name: str) -> None:
        """SIGTERM, and wait."""
        self._children.pop(name).__exit__(None, None, None)

    def await_ready(self) -> None:
        """Wait until every worker that was started answers.

        Raises
        ------
        UserError
            When one ends, or takes too long.
        """
        from tasks.celery import app

        deadline = time.monotonic() + _READY_WITHIN_S
        while True:
            for name, child in self._children.items():
                if child.status is not None:
                    raise UserError(f"{name} ended: {child.last_words()}")
            replies = app.control.ping(timeout=0.5)
            if len(replies) >= len(self._children):
                return
            if time.monotonic() > deadline:
                raise UserError(f"{len(replies)} of {len(self._children)} workers answer; logs are in {self._folder}")


@contextmanager
def endpoint(*options: str) -> Iterator[tuple[SimulatedLLM, Path]]:
    """A simulated endpoint, and a folder for logs; both gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, simulated_llm(Path(name), *options) as llm:
        yield llm, Path(name)
