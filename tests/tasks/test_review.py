"""The review list and corrections: who disagrees is listed, what a person says stays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from bin.commands import review
from classify.errors import BadAnswerError, UserError
from classify.indicator import Indicator
from classify.providers import Answer
from classify.providers.base import Call
from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question
from classify.store import corrections, engine, facts, reviews, runs, sources
from classify.store.runs import Run, Selection
from config.settings import Settings
from tasks.celery import app
from tasks.pace import pace
from tasks.resume import resume_run, unfinished_tickets
from tasks.ticket import Ticket

GDP = Indicator(id="GDP", name="Gross domestic product", units="USD billions", periodicity="Annual")
CALL = Call("simulated-gpt-5-mini", 1800, 1536, 40, 0.0002, 50.0, "ok")


class Model:
    """A provider that says what the rules say, but for the fields that a test gives it."""

    name = "openai"
    model = "gpt-5-mini"

    def __init__(self) -> None:
        self.says: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.contradicts: str | None = None

    def answer(self, question: Question[Any], indicator: Indicator, findings: Findings) -> Answer[Any]:
        self.asked.append(question.name)
        said = question.rules(indicator, findings).model_copy(update=self.says.get(question.name, {}))
        if question.name == self.contradicts:
            raise BadAnswerError("asked 3 times", (CALL,), answer=said, complaint="It contradicts itself.")
        return Answer(said, (CALL,))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model()
    monkeypatch.setattr("tasks.stages._provider", lambda _: made)
    monkeypatch.setattr("tasks.resume.provider_named", lambda _: made)
    return made


@pytest.fixture
def run(clean_tables: Settings) -> Iterator[Run]:
    sources.load([GDP])
    yield opened()
    pace().left("GDP")


def opened(**selection: Any) -> Run:
    run = runs.open_run(Selection(**selection), target_ipm=600, provider="openai", model="gpt-5-mini")
    assert run is not None
    return run


def classify(run: Run) -> None:
    app.loader.import_default_modules()
    message: Any = Ticket(run.run_id, "GDP", run.provider).message()
    for question in QUESTIONS:
        message = app.tasks[f"tasks.{question.name}"].run(message).message()
    app.tasks["tasks.save"].run(message)
    runs.close_finished_runs()


def classified() -> Any:
    with engine().connect() as connection:
        return connection.execute(text("SELECT * FROM classifications")).mappings().one()


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    review.main(["list", "--json", *options])
    return json.loads(capsys.readouterr().out)["items"]


@pytest.fixture(autouse=True)
def stores_are_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "ready_stores", lambda: False)


def test_agreement_is_not_listed_and_the_model_that_answered_is_named(run: Run, model: Model) -> None:
    classify(run)
    assert reviews.items() == []
    assert runs.find_run(run.run_id).model == classified()["model"] == "simulated-gpt-5-mini"


def test_disagreement_is_listed_and_accepted(run: Run, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.says["orientation"] = {"heat_map_orientation": "neutral"}
    classify(run)
    (item,) = listed(capsys)
    assert (item["indicator_id"], item["stage"], item["kind"]) == ("GDP", "orientation", "disagreement")
    assert item["answer"]["heat_map_orientation"] == "neutral"
    assert item["by_rules"]["heat_map_orientation"] == "higher-is-positive"
    review.main(["list"])
    assert "Gross domestic product" in capsys.readouterr().out
    review.main(["accept", "GDP"])
    assert capsys.readouterr().out == "accepted orientation of GDP\n"
    assert listed(capsys) == []
    assert len(listed(capsys, "--all")) == 1
    assert classified()["heat_map_orientation"] == "neutral"

    classify(opened(force=True))
    assert listed(capsys) == [], "the same disagreement again is decided already"
    model.says["orientation"] = {"heat_map_orientation": "lower-is-positive"}
    classify(opened(force=True))
    assert len(listed(capsys)) == 1


def test_who_comes_round_leaves_the_list(run: Run, model: Model) -> None:
    model.says["orientation"] = {"heat_map_orientation": "neutral"}
    classify(run)
    model.says.clear()
    classify(opened(force=True))
    assert reviews.items() == []


def test_a_guess_of_the_rules_disputes_nothing(run: Run, model: Model) -> None:
    question = QUESTIONS[-1]
    guess = question.rules(GDP, _findings_before(question)).model_copy(update={"confidence": 0.4})
    other = guess.model_copy(update={"heat_map_orientation": "neutral"})
    statement, _ = reviews.cross_check(question, other, guess)
    assert "DELETE" in statement


def _findings_before(question: Question[Any]) -> Findings:
    findings = Findings()
    for earlier in QUESTIONS[: QUESTIONS.index(question)]:
        findings = findings.adding(earlier.rules(GDP, findings))
    return findings


def test_accepting_the_rules_corrects(run: Run, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.says["orientation"] = {"heat_map_orientation": "neutral"}
    classify(run)
    review.main(["accept", "GDP", "--rules"])
    assert classified()["heat_map_orientation"] == "higher-is-positive"
    capsys.readouterr()
    assert [item["status"] for item in listed(capsys, "--all")] == ["corrected"]


def test_a_correction_is_applied_at_once_and_outlasts_runs_without_force(run: Run, model: Model) -> None:
    classify(run)
    review.main(["correct", "GDP", "heat_map_orientation=neutral", "temporal_aggregation=period-rate"])
    row = classified()
    assert (row["heat_map_orientation"], row["temporal_aggregation"]) == ("neutral", "period-rate")
    assert row["orientation_reasoning"] == "Corrected by a person."
    assert row["orientation_confidence"] == 1.0
    assert facts.verify(None).ok

    with engine().connect() as connection:  # as if the classification had been lost: the next run takes it again
        connection.execute(text("DELETE FROM classifications"))
    model.asked.clear()
    classify(opened())
    assert classified()["heat_map_orientation"] == "neutral"
    assert "orientation" not in model.asked
    assert "family" in model.asked

    classify(opened(force=True))
    assert classified()["heat_map_orientation"] == "higher-is-positive"


def test_a_correction_does_not_hold_for_a_changed_indicator(run: Run, model: Model) -> None:
    classify(run)
    corrections.correct("GDP", {"heat_map_orientation": "neutral"})
    sources.load([GDP.model_copy(update={"definition": "All that is made in a year."})])
    classify(opened())
    assert classified()["heat_map_orientation"] == "higher-is-positive"


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ({"family": "price-value"}, "not of the family price-value"),
        ({"family": "no-such"}, "family: Input should be"),
        ({"colour": "red"}, "colour is no label"),
        ({"confidence": "1"}, "confidence is no label"),
        ({"is_cumulative": "true"}, "contradicts pattern_type"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(run: Run, model: Model, labels: Any, complaint: str) -> None:
    classify(run)
    before = dict(classified())
    with pytest.raises(UserError, match=complaint):
        corrections.correct("GDP", labels)
    assert dict(classified()) == before


def test_several_stages_are_corrected_together(run: Run, model: Model) -> None:
    classify(run)
    corrections.correct(
        "GDP", {"family": "price-value", "indicator_type": "price", "temporal_aggregation": "point-in-time"}
    )
    assert (classified()["family"], classified()["indicator_type"]) == ("price-value", "price")
    corrections.correct("GDP", {"parsed_unit_type": "index", "parsed_currency": ""})
    assert (classified()["is_currency_denominated"], classified()["parsed_currency"]) == (False, None)


def test_what_is_not_there_cannot_be_corrected(run: Run) -> None:
    with pytest.raises(UserError, match="not loaded: X"):
        corrections.correct("X", {"family": "other"})
    with pytest.raises(UserError, match="classify it first"):
        corrections.correct("GDP", {"family": "other"})
    with pytest.raises(UserError, match="nothing to review about 'GDP'"):
        review.main(["accept", "GDP"])


def test_who_contradicts_to_the_end_fails_is_listed_and_goes_on_corrected(
    run: Run, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    model.contradicts = "type"
    model.says["type"] = {"indicator_type": "price"}
    with pytest.raises(BadAnswerError):
        classify(run)
    assert runs.counts(run.run_id).failed == 1
    (item,) = listed(capsys)
    assert (item["stage"], item["kind"], item["complaint"]) == ("type", "contradiction", "It contradicts itself.")
    assert facts.report(run)["llm_calls"] == len(model.asked)
    with pytest.raises(UserError, match="contradicts the others"):
        review.main(["accept", "GDP"])
    review.main(["correct", "GDP", "indicator_type=balance"])
    runs.close_finished_runs()
    model.asked.clear()
    _, unfinished = resume_run(run.run_id, retry_failed=True)
    assert unfinished == 1
    classify(run)
    assert classified()["indicator_type"] == "balance"
    assert model.asked == ["orientation"], "what was answered, or corrected, is not asked again"


def test_tickets_of_unfinished_indicators_begin_where_answers_end(run: Run, model: Model) -> None:
    assert [t.findings for t in unfinished_tickets(run)] == [{}]
    message: Any = Ticket(run.run_id, "GDP", run.provider).message()
    for stage in ("normalize", "time", "cumulative"):
        message = app.tasks[f"tasks.{stage}"].run(message).message()
    (ticket,) = unfinished_tickets(run)
    assert ticket.message() == message
    assert list(unfinished_tickets(run, ["other"])) == []
