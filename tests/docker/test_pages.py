"""The pages about running it name commands, options, metrics, variables, files and log lines that exist."""

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.settings import ROOT, Settings
from tests.bin.test_serve import address, get

DOCKER = ROOT / "docker"
PAGES = [DOCKER / name for name in ("RUNBOOK.md", "DEPLOYING.md", "PHASES.md", "kubernetes/README.md")]
_COMMAND = re.compile(r"(?:\bbin/|\bcli )([a-z][a-z-]*)((?: [^|&;<>#`\n']*)?)")
_ = address  # a fixture

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCKER)))


def code(page: Path) -> Iterator[str]:
    """What is set as code: the lines of blocks, and what stands between backticks."""
    text = page.read_text()
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


@cache
def help_of(name: str, action: str | None) -> str:
    module = importlib.import_module(f"bin.commands.{name.replace('-', '_')}")
    shown = io.StringIO()
    with pytest.raises(SystemExit, match="0"), contextlib.redirect_stdout(shown):
        module.main([*([action] if action else []), "--help"])
    return shown.getvalue()


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    found = [match for line in code(page) for match in _COMMAND.finditer(line)]
    assert len(found) > 5
    for match in found:
        name, words = match[1], match[2].split()
        assert (ROOT / "bin" / name).is_file(), match[0]
        if name in ("stack", "review") and words:
            shown = help_of(name, words[0])
        elif (ROOT / "bin" / "commands" / f"{name.replace('-', '_')}.py").exists():
            shown = help_of(name, None)
        else:
            assert name in ("test", "python")
            continue
        for option in (re.match(r"--[a-z-]*", word)[0] for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", shown), f"{match[0]}: no {option}"


@pages
def test_variables_exist(page: Path) -> None:
    named = {word for piece in code(page) for word in re.findall(r"^([A-Z]+(?:_[A-Z]+)+)(?:=.*)?$", piece)}
    assert named <= {field.upper() for field in Settings.model_fields}


@pages
def test_files_links_and_headings_exist(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"\bdocker/[\w./-]*\w", text):
        if "://" not in path and not path.endswith(("secret.env", "backup.sql.gz")):
            assert (ROOT / path).exists(), path
    for label, target in re.findall(r"\[([^]]+)]\(([^)]+)\)", text):
        file, _, heading = target.partition("#")
        if "://" in target:
            continue
        other = page.parent / file if file else page
        assert other.exists(), label
        assert not heading or heading in headings(other), target


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_metrics_of_the_runbook_and_the_alerts_are_told(address: str) -> None:
    families = list(text_string_to_metric_families(get(f"{address}/metrics")[1]))
    told = {family.name for family in families} | {sample.name for family in families for sample in family.samples}
    told.add("classify_worker_memory_bytes")  # told by workers that were asked
    for file in (DOCKER / "RUNBOOK.md", DOCKER / "prometheus" / "alerts.yaml"):
        named = set(re.findall(r"\bclassify_\w+", file.read_text()))
        assert len(named) > 5
        assert named <= told


def test_what_the_runbook_quotes_from_logs_is_logged() -> None:
    source = "".join(
        path.read_text() for folder in ("bin", "tasks", "classify") for path in (ROOT / folder).rglob("*.py")
    )
    quoted = re.findall("“([^”]+)”", (DOCKER / "RUNBOOK.md").read_text())
    assert len(quoted) >= 4
    for words in quoted:
        assert " ".join(words.split()) in source, words


def test_every_alert_has_its_chapter_in_the_runbook() -> None:
    alerts = (DOCKER / "prometheus" / "alerts.yaml").read_text()
    runbook = (DOCKER / "RUNBOOK.md").read_text()
    named = re.findall(r"alert: (\w+)", alerts)
    assert named
    for alert in named:
        assert f"`{alert}`" in runbook
    chapters = re.findall(r"runbook: docker/RUNBOOK.md#(\S+)", alerts)
    assert len(chapters) == len(named)
    assert set(chapters) <= headings(DOCKER / "RUNBOOK.md")
