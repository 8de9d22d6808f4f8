"""What the workers' log lines are about."""

import logging

from celery._state import _task_stack

from tasks import stages
from tasks.celery import app
from tasks.logs import about


def record(*args: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "f.py", 1, "message", args, None)


def test_a_line_of_a_task_is_about_its_run_indicator_and_stage() -> None:
    assert stages.QUESTIONS
    task = app.tasks["tasks.type"]
    task.push_request(root_id="20261121-074751-f251/A/B")
    _task_stack.push(task)
    try:
        assert about(record()) == {"run": "20261121-074751-f251", "indicator": "A/B", "stage": "type"}
    finally:
        _task_stack.pop()
        task.pop_request()


def test_a_line_about_a_task_that_has_not_begun_too() -> None:
    told = {"name": "tasks.save", "id": "1", "args": "R/I"}
    assert about(record(told)) == {"run": "R", "indicator": "I", "stage": "save"}


def test_other_lines_are_about_none() -> None:
    assert about(record("text")) == {}
    assert about(record({"name": "celery.ping", "args": "()"})) == {}
