"""Runs as the stages leave them, without workers: for tests of what looks at them."""

from collections.abc import Iterator

from classify.errors import BadAnswerError
from classify.indicator import Indicator
from classify.providers.base import Answer
from classify.stages import QUESTIONS
from classify.stages.base import Findings
from classify.store import results, runs
from classify.store.runs import Run


def indicators(count: int, name: str = "Unemployment rate") -> Iterator[Indicator]:
    for i in range(count):
        yield Indicator.model_validate({"id": f"I{i}", "name": name, "units": "%", "periodicity": "Monthly"})


def finish(run: Run, *, failed: int = 0, left: int = 0, begun: int = 0) -> None:
    """Take the run's indicators through the stages; the last ones fail, are left, or stop after the second stage."""
    ids = runs.unfinished(run.run_id)
    last_done = len(ids) - failed - left - begun
    for number, indicator_id in enumerate(ids):
        worker = f"worker{number % 2 + 1}@test"
        if number >= len(ids) - left:
            break
        results.recall(QUESTIONS[0], run.run_id, indicator_id, admitting="admission@test")
        if last_done <= number < last_done + failed:
            error = BadAnswerError("no <answer>")
            runs.fail(run.run_id, indicator_id, stage="type", error=error, worker=worker)
            continue
        findings = Findings()
        for question in QUESTIONS[: 2 if number >= last_done else None]:
            found = results.recall(question, run.run_id, indicator_id)
            answer = question.rules(found.indicator, findings)
            results.keep(question, run.run_id, indicator_id, Answer(answer))
            findings = findings.adding(answer)
        if number < last_done:
            results.save(run.run_id, indicator_id, worker)
