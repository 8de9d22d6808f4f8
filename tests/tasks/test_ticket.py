"""What travels from stage to stage: small, JSON, and the same after the journey."""

import json
import uuid
from collections.abc import Iterator

import pytest

from classify.indicator import Indicator, Observation
from classify.providers.rules import RulesProvider
from classify.stages import QUESTIONS, STAGES
from config.celery import ADMISSION_QUEUE
from config.settings import Settings
from tasks.celery import app
from tasks.chain import BATCH, chain_of, dispatch
from tasks.clients import redis_client
from tasks.ticket import Ticket


def _indicator(id: str) -> Indicator:
    months = [f"{year}-{month:02d}" for year in range(2020, 2025) for month in range(1, 13)]
    values = tuple(Observation(date=m, value=1000.0 + i) for i, m in enumerate(months))
    return Indicator(id=id, name="Retail sales", units="USD millions", definition="d" * 10_000, sample_values=values)


def _ticket_after_all_questions(indicator: Indicator) -> Ticket:
    ticket = Ticket(run="20261121-054512-3f9a", indicator=indicator.id, provider="rules")
    for question in QUESTIONS:
        result = RulesProvider().answer(question, indicator, ticket.recalled()).result
        ticket = ticket.adding(question, result)
    return ticket


def test_a_ticket_survives_json() -> None:
    ticket = _ticket_after_all_questions(_indicator("A"))
    again = Ticket.from_message(json.loads(json.dumps(ticket.message())))
    assert again == ticket
    for question in QUESTIONS:
        assert question.brief(again.recalled()[question.result]) == ticket.findings[question.name]


def test_messages_carry_neither_prose_nor_sample_values() -> None:
    text = json.dumps(_ticket_after_all_questions(_indicator("A")).message())
    assert "reasoning" not in text
    assert "evidence" not in text
    assert "2020-01" not in text
    assert "dddd" not in text


@pytest.mark.parametrize("done", range(len(QUESTIONS) + 1))
def test_every_message_of_a_chain_is_at_most_4_kb(done: int) -> None:
    whole = _ticket_after_all_questions(_indicator("x" * 60))
    findings = {name: whole.findings[name] for name in [q.name for q in QUESTIONS][:done]}
    chain = chain_of(Ticket(whole.run, whole.indicator, whole.provider, findings))
    message = app.amqp.as_task_v2(str(uuid.uuid4()), chain.task, args=chain.args, chain=chain.options["chain"])
    assert len(json.dumps(message.body)) <= 4096


def test_a_chain_starts_at_the_first_stage_that_has_no_answer() -> None:
    whole = _ticket_after_all_questions(_indicator("A"))
    names = [f"tasks.{s.name}" for s in STAGES]
    for done in range(len(QUESTIONS)):
        findings = {q.name: whole.findings[q.name] for q in QUESTIONS[:done]}
        chain = chain_of(Ticket(whole.run, "A", "rules", findings))
        assert [chain.task, *(t.task for t in reversed(chain.options["chain"]))] == names[done:]
    assert (chain_of(whole).task, chain_of(whole).options["chain"]) == ("tasks.save", [])


def test_chains_are_sent_off_in_batches(clean_tables: Settings) -> None:
    """A round trip for every one of them would take longer than all the rest."""
    app.loader.import_default_modules()
    arrived: list[int] = []

    def tickets() -> Iterator[Ticket]:
        for i in range(BATCH + 1):
            yield Ticket("run", f"I{i}", "rules")
            arrived.append(redis_client().llen(ADMISSION_QUEUE))

    assert dispatch(tickets()) == BATCH + 1
    assert arrived == [0] * (BATCH - 1) + [BATCH] * 2
    assert redis_client().llen(ADMISSION_QUEUE) == BATCH + 1
    redis_client().flushall()


def test_all_seven_tasks_are_registered_and_only_the_first_is_paced() -> None:
    app.loader.import_default_modules()
    limits = {s.name: app.tasks[f"tasks.{s.name}"].rate_limit for s in STAGES}
    assert limits.pop("normalize").endswith("/m")
    assert set(limits.values()) == {None}
