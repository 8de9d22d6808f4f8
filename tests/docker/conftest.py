"""What was measured in the containers, in a table at the end of the session."""

import pytest
from engine import measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not measured:
        return
    terminalreporter.section("containers measured")
    terminalreporter.line("| what | figure |")
    terminalreporter.line("| --- | --- |")
    for what, figure in measured.items():
        terminalreporter.line(f"| {what} | {figure} |")
