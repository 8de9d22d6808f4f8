"""Real indicators, where they lie beside the repository: every one of them loads, and fast."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from classify.intake import Accepted, Reject, Rule

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.mark.skipif(not (DATA / "indicators_10903.jsonl.gz").exists(), reason="needs the real indicators")
def test_all_real_indicators_are_accepted(split: Callable[[Path], tuple[list[Accepted], list[Reject]]]) -> None:
    start = time.perf_counter()
    accepted, rejects = split(DATA / "indicators_10903.jsonl.gz")
    elapsed = time.perf_counter() - start
    assert rejects == []
    assert len(accepted) == 10_903
    assert {mend.rule for a in accepted for mend in a.mended} == {Rule.TRIMMED, Rule.NO_DATE, Rule.CONTROL_CHARACTERS}
    assert elapsed < 5  # 0.2 s on two cores; a budget for a busy machine
