"""The cluster that is to be hurt, and the table of what came of it at the end of the session."""

from collections.abc import Iterator

import pytest
from cluster import Cluster, running
from ledger_of_faults import table

from config.settings import Settings


@pytest.fixture
def cluster(clean_tables: Settings) -> Iterator[Cluster]:
    with running(clean_tables) as started:
        yield started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not table:
        return
    terminalreporter.section("faults survived")
    terminalreporter.line(
        "| fault | classified | duplicates | calls | lost in flight | paid twice | no completion for | slowest | run |"
    )
    terminalreporter.line("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, f in table.items():
        terminalreporter.line(
            f"| {name} | {f.classified:,} | {f.duplicates} | {f.calls:,} | {f.lost_calls} | {f.paid_twice}"
            f" | {f.recovery_s} s | {f.slowest_s} s | {f.elapsed_s} s |"
        )
