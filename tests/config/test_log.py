"""Log lines: JSON that parses, text that reads, and what they are about."""

import json
import logging
import subprocess
import sys

import pytest

from config.log import JsonFormatter, TextFormatter, set_up
from config.settings import ROOT


def record(message: str, *args: object, error: bool = False) -> logging.LogRecord:
    exc_info = None
    if error:
        try:
            raise ValueError("it broke")
        except ValueError:
            exc_info = sys.exc_info()
    return logging.LogRecord("some.where", logging.WARNING, "f.py", 1, message, args, exc_info)


def about(_: logging.LogRecord) -> dict[str, str]:
    return {"run": "R", "indicator": 'I"1', "stage": "type"}


def test_json_is_one_object_a_line() -> None:
    line = JsonFormatter(about).format(record("two\nlines of %s", "text", error=True))
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "two\nlines of text"
    assert (told["run"], told["indicator"], told["stage"]) == ("R", 'I"1', "type")
    assert "ValueError: it broke" in told["exception"]
    assert told["time"].endswith("+00:00")


def test_text_tells_what_it_is_about() -> None:
    assert 'some.where [run=R indicator=I"1 stage=type]: hello you' in TextFormatter(about).format(
        record("hello %s", "you")
    )
    assert "some.where: alone" in TextFormatter(lambda _: {}).format(record("alone"))


def test_it_logs_to_stderr_and_is_quiet_about_libraries() -> None:
    code = (
        "import logging; from config.log import set_up; set_up('INFO', 'json');"
        "logging.getLogger('httpx').info('no'); logging.getLogger('mine').info('yes')"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=30, check=True
    )
    assert finished.stdout == ""
    assert [json.loads(line)["message"] for line in finished.stderr.splitlines()] == ["yes"]


def test_to_a_file(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up("WARNING", "text", path=f"{tmp_path}/x.log")
        logging.getLogger("mine").warning("kept")
        root.handlers[0].close()
    finally:
        root.handlers[:], root.level = before, level
    with open(f"{tmp_path}/x.log") as log:  # noqa: PTH123
        assert "mine: kept" in log.read()
