"""Quarantine: a stage that was in the hands of workers that died is answered in a process of its own.

In a worker dozens of tasks run side by side, and all of them die with the one that kills it. Which one it was cannot
be told from outside. So whoever was there often enough answers alone: if that process dies, the guilty one is found
and its indicator has failed; a bystander's answer comes out as always, a little later.
"""

import json
import logging
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypeVar

from classify import errors
from classify.errors import ClassifyError, ProviderError, TransientError
from classify.indicator import Indicator
from classify.providers import Answer, Call, ask, provider_named
from classify.stages import QUESTIONS
from classify.stages.base import Question, StageResult
from config.settings import ROOT, settings
from tasks.celery import app
from tasks.gate import gate
from tasks.ticket import Message, Ticket

R = TypeVar("R", bound=StageResult)
log = logging.getLogger(__name__)

_TIMEOUT_S = 300.0
_CELLS = 4


class PoisonError(ClassifyError):
    """A stage that kills the process that asks for its answer."""


def is_suspect(crashes: int) -> bool:
    """Whether a message that was in the hands of so many dying workers is to be answered alone."""
    return crashes >= settings().max_crashes - 1


def refuse_the_deadly(crashes: int) -> None:
    """Give up on a message that workers die of though nothing was asked on its behalf.

    Raises
    ------
    PoisonError
        After twice as many crashes as a stage may cause.
    """
    if crashes >= 2 * settings().max_crashes:
        raise PoisonError(f"was in hand when {crashes} workers died")


class Cell:
    """A process that answers one question at a time, as long as it lives."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tasks.quarantine"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any] | None:
        """What it says; None when it died, or had to be killed because it took too long."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        clock = threading.Timer(_TIMEOUT_S, process.kill)
        clock.start()
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            clock.cancel()
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self) -> str:
        """Let it go; how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # it reads the end, and ends
        self._process.stdout.close()
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class Cells:
    """A few cells, which are there only while somebody is to be kept in them."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)
        self._idle: list[Cell] = []
        self._waiting = 0

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """What a cell says.

        Raises
        ------
        PoisonError
            When it died over the question; the message says how.
        """
        self._waiting += 1
        try:
            with self._free:
                cell = self._idle.pop() if self._idle else Cell()
                told = cell.ask(job)
                if told is None:
                    raise PoisonError(f"alone, it ended its process with {cell.end()}")
                self._idle.append(cell)
                return told
        finally:
            self._waiting -= 1
            while self._waiting == 0 and self._idle:
                self._idle.pop().end()


_cells = Cells(_CELLS)


def ask_alone(question: Question[R], indicator: Indicator, ticket: Ticket, crashes: int) -> Answer[R]:
    """The answer of the ticket's provider, out of a process of its own.

    Raises
    ------
    PoisonError
        When that process dies.
    ProviderError
        As the provider does.
    """
    job = {
        "stage": question.name,
        "indicator": indicator.model_dump(mode="json"),
        "ticket": ticket.message(),
        "modules": [*app.conf.include],
    }
    met = f"was in hand when {crashes} workers died;"
    log.warning("%s of %r %s it is answered alone", question.name, indicator.id, met)
    try:
        told = _cells.ask(job)
    except PoisonError as error:
        raise PoisonError(f"{met} {error}") from None
    calls = tuple(Call(**call) for call in told["calls"])
    if "error" in told:
        raise _error_from(told, calls)
    return Answer(question.result.model_validate(told["result"]), calls)


def _error_from(told: Mapping[str, Any], calls: tuple[Call, ...]) -> Exception:
    kind = getattr(errors, told["error"], None)
    if kind is TransientError:
        return TransientError(
            told["message"], calls, retry_after=told["retry_after"], rate_limited=told["rate_limited"]
        )
    if isinstance(kind, type) and issubclass(kind, ProviderError):
        return kind(told["message"], calls)
    return ClassifyError(f"{told['error']}: {told['message']}")


def _answer(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the process of its own does."""
    for module in job["modules"]:
        app.loader.import_task_module(module)
    message: Message = job["ticket"]
    question = next(q for q in QUESTIONS if q.name == job["stage"])
    try:
        ticket = Ticket.from_message(message)
        provider = provider_named(ticket.provider, gate())
        found = ask(provider, question, Indicator.model_validate(job["indicator"]), ticket.recalled())
    except Exception as error:  # noqa: BLE001  # told to the worker, which sorts it
        return {
            "error": type(error).__name__,
            "message": str(error),
            "calls": [asdict(call) for call in getattr(error, "calls", ())],
            "retry_after": getattr(error, "retry_after", None),
            "rate_limited": getattr(error, "rate_limited", False),
        }
    return {"result": found.result.model_dump(mode="json"), "calls": [asdict(call) for call in found.calls]}


def main() -> None:
    """Answer the questions on stdin, line by line, on stdout."""
    if limit := settings().worker_memory_mb:
        resource.setrlimit(resource.RLIMIT_DATA, (2 * limit * 1_000_000,) * 2)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
