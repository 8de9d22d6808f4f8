"""Quarantine: the guilty dies alone, bystanders get their answers, and no process stays behind."""

import os
import sys

import pytest

from classify.indicator import Indicator
from classify.stages import QUESTIONS
from tasks import quarantine
from tasks.quarantine import Cell, Cells, PoisonError, ask_alone, is_suspect
from tasks.ticket import Ticket

GDP = Indicator(id="GDP", name="Gross domestic product", units="USD billions")


def test_only_the_last_try_is_made_alone() -> None:
    assert [is_suspect(crashes) for crashes in range(4)] == [False, False, True, True]


def test_a_bystander_gets_the_answer_of_its_provider() -> None:
    question = QUESTIONS[0]
    answer = ask_alone(question, GDP, Ticket("run", "GDP", "rules"), 2)
    assert answer.result == question.rules(GDP, Ticket("run", "GDP", "rules").recalled())
    assert not quarantine._cells._idle


def test_what_the_provider_says_is_said_here() -> None:
    with pytest.raises(Exception, match="no provider named 'oracle'"):
        ask_alone(QUESTIONS[0], GDP, Ticket("run", "GDP", "oracle"), 2)


def test_a_cell_that_dies_is_told_with_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PoisonError, match="exit status 1"):
        Cells(1).ask({})


def test_a_cell_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_TIMEOUT_S", 0.3)
    cell = Cell()
    os.kill(cell._process.pid, 19)  # SIGSTOP: it takes for ever
    assert cell.ask({}) is None
    assert cell.end() == "SIGKILL"
