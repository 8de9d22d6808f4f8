"""The seven tasks of the chain, one a stage: `tasks.normalize` … `tasks.save`.

A stage is a durable step. It looks for its result of this run before it asks anyone, unless the stage before has run in
this very process just now, and upserts what it learns; so a message may be delivered twice, but neither the answer nor
the bill is doubled.
"""

from functools import cache
from typing import Any

from celery import Task
from celery.exceptions import Ignore

from classify.errors import BadAnswerError, FatalError, ProviderError, TransientError, UserError
from classify.indicator import Indicator
from classify.providers import Answer, Provider, ask, provider_named
from classify.stages import QUESTIONS, STAGES, save
from classify.stages.base import Question, Stage
from classify.store import calls, results, reviews, runs
from classify.store.results import Recalled
from classify.store.runs import Standing
from tasks import budget, quarantine
from tasks.carrying import carry_on
from tasks.celery import app
from tasks.ending import CutShort, asking, hand_back
from tasks.errors import is_transient, retry_delay
from tasks.gate import gate
from tasks.messages import CRASHES_HEADER, KNOWN
from tasks.pace import pace
from tasks.patience import patiently
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

    def run(self, message: Message) -> Ticket | None:
        ticket = Ticket.from_message(message)
        try:
            quarantine.refuse_the_deadly(self.crashes)
            return self.step(ticket)
        except Ignore:
            raise
        except CutShort:
            hand_back(self.request)
            raise Ignore from None
        except Exception as error:
            if isinstance(error, ProviderError) and error.calls:
                calls.record(ticket.run, ticket.indicator, self.stage, error.calls)
                budget.charge(ticket.run, error.calls)
            if isinstance(error, FatalError | UserError):  # a UserError: this worker's settings do not suffice
                runs.halt(ticket.run, str(error))
                pace().left(ticket.indicator)
                raise Ignore from error
            if isinstance(error, TransientError) and error.rate_limited:
                gate().refused(error.retry_after)
            if is_transient(error, self.request.retries):
                if self.stage == STAGES[0].name:
                    pace().left(ticket.indicator)  # it is to be admitted again, and must not stand in its own way
                raise self.retry(exc=error, countdown=retry_delay(self.request.retries, error)) from error
            runs.fail(ticket.run, ticket.indicator, stage=self.stage, error=error, worker=self.request.hostname)
            pace().left(ticket.indicator)
            raise

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send the task off; if it is the next of a chain and this worker can run it, without a queue in between."""
        if args and isinstance(args[0], Ticket) and (here := carry_on(self, args, options, args[0].known)):
            return self.AsyncResult(here)
        return super().apply_async(args, kwargs, **options)

    @property
    def crashes(self) -> int:
        """How often the message was in the hands of a worker that died."""
        return int(self.request.get(CRASHES_HEADER) or 0)

    def step(self, ticket: Ticket) -> Ticket | None:
        """What the stage does; what it returns is the ticket of the next."""
        raise NotImplementedError


class QuestionTask(StageTask):
    """A stage that answers a question and hands the ticket on with the answer."""

    abstract = True
    question: Question[Any]

    def step(self, ticket: Ticket) -> Ticket:
        recalled = (self.request.properties or {}).get(KNOWN) or self.recall(ticket)
        if recalled.result is not None:
            return ticket.adding(self.question, recalled.result)
        standing = patiently(lambda: runs.standing(ticket.run))
        if not standing.is_on:
            pace().left(ticket.indicator)
            raise Ignore
        answer = self.answer(ticket, recalled, standing)
        first = self.keep(ticket, answer)
        if standing.max_cost_usd is not None:
            budget.charge(ticket.run, answer.calls, standing.max_cost_usd)
        if not first:  # a second delivery was faster, and goes on: one extra call, not one more at every stage
            raise Ignore
        return ticket.adding(self.question, answer.result, recalled)

    def recall(self, ticket: Ticket) -> Recalled:
        """What the tables know: not asked by a stage that follows another in this very process."""
        admitting = self.request.hostname or "no worker" if self.question is QUESTIONS[0] else None
        recalled = patiently(lambda: results.recall(self.question, ticket.run, ticket.indicator, admitting=admitting))
        if not recalled.admitted:
            # Finished already: a delivery that was repeated. Ignore ends the chain here.
            raise Ignore
        if admitting:
            pace().entered(ticket.indicator)
        return recalled

    def answer(self, ticket: Ticket, recalled: Recalled, standing: Standing) -> Answer[Any]:
        """What a person has said, else what the run's provider says."""
        if corrected := recalled.corrections.get(self.question.name):
            return Answer(self.question.result.model_validate(corrected))
        provider = _provider(ticket.provider)
        try:
            answer = self.ask(provider, ticket, recalled.indicator)
        except BadAnswerError as error:
            if error.answer is not None and error.by_rules is not None:
                doubts = (self.question, error.answer, error.by_rules, error.complaint)
                reviews.contradicted(ticket.run, ticket.indicator, *doubts)
            raise
        if answer.calls and standing.model == provider.model != answer.calls[-1].model:
            named = answer.calls[-1].model
            patiently(lambda: runs.name_model(ticket.run, provider.model, named))
        return answer

    def ask(self, provider: Provider, ticket: Ticket, indicator: Indicator) -> Answer[Any]:
        """The provider's answer; out of a process of its own where this may be what kills workers."""
        if quarantine.is_suspect(self.crashes):
            with asking():
                return quarantine.ask_alone(self.question, indicator, ticket, self.crashes)
        with asking():
            return ask(provider, self.question, indicator, ticket.recalled())

    def keep(self, ticket: Ticket, answer: Answer[Any]) -> bool:
        """Keep an answer, however long that takes; False when a second delivery was faster."""
        tries = 0

        def keep() -> bool:
            nonlocal tries
            tries += 1
            return results.keep(self.question, ticket.run, ticket.indicator, answer)

        return patiently(keep) or tries > 1  # at a second try, the one that was faster may be the first


class SaveTask(StageTask):
    """The last stage: the row of `classifications`, and the end of the indicator's run."""

    abstract = True

    def step(self, ticket: Ticket) -> None:
        if not patiently(lambda: results.save(ticket.run, ticket.indicator, self.request.hostname)):
            raise results.IncompleteError(f"a stage's result of run {ticket.run} is missing")
        pace().left(ticket.indicator, completed=True)


def _register(base: type[StageTask], stage: Stage, **attributes: Any) -> None:
    """Register a task of its own class: Celery keeps annotations such as `rate_limit` on the class."""
    task = type(stage.name, (base,), {"name": f"tasks.{stage.name}", "stage": stage.name, **attributes})
    app.register_task(task())


for _question in QUESTIONS:
    _register(QuestionTask, _question, question=_question)
_register(SaveTask, save.STAGE)
