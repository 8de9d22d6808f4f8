"""The arithmetic of `bin/bench`: percentiles, medians and ratios of rounds, shares of the machine, the drawing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bin.benchmarks.ceiling import cpu_bound_ipm
from bin.benchmarks.figures import Figure, Outcome, percentile, shown, table
from bin.benchmarks.meter import Usage, cpu_figures
from bin.benchmarks.plot import plot
from bin.benchmarks.surroundings import Quiet, Ticks

QUIET = Quiet(measured=0.5, others=0.25, idle=0.25, stolen=0.0)


def usage(**cpu_s: float) -> Usage:
    return Usage(10.0, cpu_s, QUIET)


def test_a_percentile_is_the_smallest_value_that_covers_its_share() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1) == 100
    assert percentile([7.0], 0.01) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_rounds_are_compared_pair_by_pair() -> None:
    figure = Figure("ceiling", "IPM", (100.0, 900.0, 200.0), (200.0, 900.0, 800.0))
    assert figure.value == 200
    assert figure.baseline == 800
    assert figure.ratio == 0.5, "the median of 0.5, 1 and 0.25, and not 200 / 800"
    assert Figure("one baseline", "MB", (100.0, 300.0), (50.0,)).ratio == 4
    assert Figure("alone", "MB", (1.0,)).ratio is None
    assert Figure("idle", "ms", (1.0,), (0.0,)).ratio is None


def test_cpu_is_divided_by_the_indicators_of_its_round_and_the_simulator_is_not_in_the_sum() -> None:
    used = [(10, usage(redis=0.1, worker=0.4, simulator=9.0)), (20, usage(redis=0.2, worker=1.8, simulator=9.0))]
    bare = [(10, usage(redis=0.05, worker=0.2)), (10, usage(redis=0.05, worker=0.2))]
    figures = {figure.name: figure for figure in cpu_figures(used, bare)}
    assert figures["CPU"].values == pytest.approx((50, 100))
    assert figures["CPU"].baselines == pytest.approx((25, 25))
    assert figures["CPU"].ratio == pytest.approx(3)
    assert figures["CPU redis"].values == pytest.approx((10, 10))
    assert figures["CPU simulator"].values == pytest.approx((900, 450))
    assert figures["CPU simulator"].ratio is None


def test_the_bound_by_cpu_counts_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert cpu_bound_ipm(usage(worker=1.0, simulator=1.0), 100) == pytest.approx(6000)


def test_shares_of_the_machine_add_up() -> None:
    before, after = Ticks(total=1000, idle=500, stolen=0), Ticks(total=1040, idle=510, stolen=2)
    quiet = Quiet.between(before, after, measured_s=20)
    assert (quiet.measured, quiet.others, quiet.idle, quiet.stolen) == (0.5, 0.2, 0.25, 0.05)
    crowded = Quiet.between(before, after, measured_s=100)  # clocks of processes and machine tick apart
    assert (crowded.measured, crowded.others) == (0.7, 0)


def test_the_machines_ticks_go_on() -> None:
    before = Ticks.now()
    assert sum(range(3_000_000)) > 0
    after = Ticks.now()
    assert after.total > before.total
    assert after.idle >= before.idle


def test_facts_have_significant_digits_and_every_round() -> None:
    facts = Outcome("cost", "at 800 IPM", [Figure("CPU", "core-ms", (30.123456, 31.0), (10.0, 10.0))], quiet=[QUIET])
    assert facts.facts()["figures"] == {
        "CPU": {
            "unit": "core-ms",
            "value": 30.56,
            "baseline": 10.0,
            "ratio": 3.056,
            "values": [30.12, 31.0],
            "baselines": [10.0, 10.0],
        }
    }
    assert facts.facts()["quiet"] == [{"measured": 0.5, "others": 0.25, "idle": 0.25, "stolen": 0.0}]


def test_the_table_shows_figures_ratios_and_the_machine() -> None:
    figures = [Figure("ceiling", "IPM", (5432.1,), (10864.2,)), Figure("memory", "MB", (0.000123456,))]
    lines = table(Outcome("ceiling", "flat out", figures, {"note": 1}, [QUIET])).splitlines()
    assert lines[0] == "ceiling: flat out"
    assert lines[2].split() == ["ceiling", "5,432", "10,864", "0.5", "IPM"]
    assert lines[3].split() == ["memory", "0.0001235", "MB"]
    assert lines[4].strip() == "note: 1"
    assert lines[5].strip() == "machine, round 1: measured 50%, others 25%, idle 25%, stolen 0%"
    assert shown(999.96) == "1000"


def test_the_plot_is_one_document_with_a_scale_a_unit(tmp_path: Path) -> None:
    figures = [
        Figure("short", "IPM", (50.0,), (200.0,)),
        Figure("long", "IPM", (100.0,)),
        Figure("other & <scale>", "MB", (3.0,)),
    ]
    drawn = tmp_path / "plot.svg"
    drawn.write_text(plot([Outcome("one", "so & so", figures), Outcome("two", "", [Figure("none", "s", (0.0,))])]))
    root = ET.parse(drawn).getroot()
    space = "{http://www.w3.org/2000/svg}"
    bars = {
        kind: [r.get("width") for r in root.iter(f"{space}rect") if r.get("class") == kind]
        for kind in ("measured", "baseline")
    }
    assert bars == {"measured": ["75.0", "150.0", "300.0", "0.0"], "baseline": ["300.0"]}
    words = [element.text for element in root.iter(f"{space}text")]
    assert {"one", "so & so", "other & <scale>", "50 IPM", "baseline 200, ratio 0.25"} <= set(words)
