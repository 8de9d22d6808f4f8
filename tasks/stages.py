"""The seven tasks of the chain, one a stage: `tasks.normalize` … `tasks.save`.

A stage is a durable step. It looks for its result of this run before it asks anyone, and upserts what it learns; so a
message may be delivered twice, but neither the answer nor the bill is doubled.
"""

from functools import cache
from typing import Any

from celery import Task
from celery.exceptions import Ignore

from classify.errors import FatalError, ProviderError, TransientError
from classify.providers import Provider, ask, provider_named
from classify.stages import QUESTIONS, save
from classify.stages.base import Question, Stage
from classify.store import calls, results, runs
from tasks import budget
from tasks.celery import app
from tasks.errors import is_transient, retry_delay
from tasks.gate import gate
from tasks.pace import pace
from tasks.ticket import Message, Ticket


@cache
def _provider(name: str) -> Provider:
    """The provider of that name, one for the whole process, whose calls pass the cluster's gate."""
    return provider_named(name, gate())


class StageTask(Task):  # type: ignore[misc]  # Celery has no types
    """Base of the seven tasks: sorts errors into those to try again and those that end the indicator's run."""

    abstract = True
    max_retries = None
    stage: str

    def run(self, message: Message) -> Message | None:
        ticket = Ticket.from_message(message)
        try:
            return self.step(ticket)
        except Ignore:
            raise
        except Exception as error:
            if isinstance(error, ProviderError) and error.calls:
                calls.record(ticket.run, ticket.indicator, self.stage, error.calls)
                budget.charge(ticket.run, error.calls)
            if isinstance(error, FatalError):
                runs.halt(ticket.run, str(error))
                pace().left(ticket.indicator)
                raise Ignore from error
            if isinstance(error, TransientError) and error.rate_limited:
                gate().refused(error.retry_after)
            if is_transient(error):
                raise self.retry(exc=error, countdown=retry_delay(self.request.retries, error)) from error
            runs.fail(ticket.run, ticket.indicator, stage=self.stage, error=error, worker=self.request.hostname)
            pace().left(ticket.indicator)
            raise

    def step(self, ticket: Ticket) -> Message | None:
        """What the stage does; what it returns is the message of the next."""
        raise NotImplementedError


class QuestionTask(StageTask):
    """A stage that answers a question and hands the ticket on with the answer."""

    abstract = True
    question: Question[Any]

    def step(self, ticket: Ticket) -> Message:
        if self.question is QUESTIONS[0]:
            self.admit(ticket)
        recalled = results.recall(self.question, ticket.run, ticket.indicator)
        if recalled.result is not None:
            return ticket.adding(self.question, recalled.result).message()
        if not recalled.run_is_on:
            pace().left(ticket.indicator)
            raise Ignore
        answer = ask(_provider(ticket.provider), self.question, recalled.indicator, ticket.recalled())
        results.keep(self.question, ticket.run, ticket.indicator, answer)
        budget.charge(ticket.run, answer.calls, recalled.max_cost_usd)
        return ticket.adding(self.question, answer.result).message()

    def admit(self, ticket: Ticket) -> None:
        if not runs.admit(ticket.run, ticket.indicator, self.request.hostname):
            # Finished already: a delivery that was repeated. Ignore ends the chain here.
            raise Ignore
        pace().entered(ticket.indicator)


class SaveTask(StageTask):
    """The last stage: the row of `classifications`, and the end of the indicator's run."""

    abstract = True

    def step(self, ticket: Ticket) -> None:
        if not results.save(ticket.run, ticket.indicator, self.request.hostname):
            raise results.IncompleteError(f"a stage's result of run {ticket.run} is missing")
        pace().left(ticket.indicator, completed=True)


def _register(base: type[StageTask], stage: Stage, **attributes: Any) -> None:
    """Register a task of its own class: Celery keeps annotations such as `rate_limit` on the class."""
    task = type(stage.name, (base,), {"name": f"tasks.{stage.name}", "stage": stage.name, **attributes})
    app.register_task(task())


for _question in QUESTIONS:
    _register(QuestionTask, _question, question=_question)
_register(SaveTask, save.STAGE)
