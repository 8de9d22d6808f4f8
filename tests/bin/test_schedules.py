"""The files that others start `bin/nightly` by: they have to name options that there are, and say what they mean."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bin.commands import nightly
from config.settings import ROOT

FOLDER = ROOT / "docker" / "schedules"
COMMAND = "/opt/classify/bin/nightly"


def _unit(name: str) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(FOLDER / name)
    return unit


def _understood(line: str) -> None:
    command, *options = shlex.split(line)
    assert command == COMMAND
    nightly.command_line().parse_args(options)


def test_the_service_calls_the_command_with_options_that_it_has() -> None:
    service = _unit("nightly.service")
    given = re.search(r'^Environment="NIGHTLY_OPTIONS=(.*)"$', (FOLDER / "nightly.service").read_text(), re.M)
    assert given
    _understood(service["Service"]["ExecStart"].replace("$NIGHTLY_OPTIONS", given[1]))
    assert service["Service"]["SuccessExitStatus"] == "75"


def test_the_crontab_calls_the_command_with_options_that_it_has() -> None:
    (line,) = (line for line in (FOLDER / "crontab").read_text().splitlines() if re.match(r"[\d*]", line))
    *_, command = line.split(maxsplit=5)
    assert "%" not in command  # cron's end of line
    _understood(command)


def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for name in ("nightly.service", "nightly.timer"):
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/classify", str(ROOT)))
    units = [str(tmp_path / name) for name in ("nightly.service", "nightly.timer")]
    said = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
