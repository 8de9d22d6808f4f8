"""Figures of a benchmark: what was measured, beside its baseline, with the arithmetic that all of them share."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bin.benchmarks.surroundings import Quiet


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least such a share (0 to 1) of `values` does not exceed.

    Raises
    ------
    ValueError
        When there are no values.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Figure:
    """One figure, measured once or several times, by turns with its baseline.

    Parameters
    ----------
    name
        What it is, unique in its outcome.
    unit
        Of its values; figures of one unit are drawn on one scale.
    values, baselines
        One entry a round; no baselines where there is nothing to compare with.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    baselines: tuple[float, ...] = ()

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)

    @property
    def baseline(self) -> float | None:
        """The median of the baseline's rounds."""
        return statistics.median(self.baselines) if self.baselines else None

    @property
    def ratio(self) -> float | None:
        """Value to baseline, round by round where they took turns; None without a baseline, or with one of zero."""
        if not self.baselines or not all(self.baselines):
            return None
        if len(self.values) != len(self.baselines):
            return self.value / statistics.median(self.baselines)
        return statistics.median(a / b for a, b in zip(self.values, self.baselines, strict=True))

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        baseline, ratio = self.baseline, self.ratio
        return {
            "unit": self.unit,
            "value": round_to(self.value),
            "baseline": None if baseline is None else round_to(baseline),
            "ratio": None if ratio is None else round_to(ratio),
            "values": [round_to(value) for value in self.values],
            "baselines": [round_to(value) for value in self.baselines],
        }


def round_to(value: float, digits: int = 4) -> float:
    """Rounded to so many significant digits."""
    return float(f"{value:.{digits}g}")


@dataclass
class Outcome:
    """What a benchmark showed.

    Parameters
    ----------
    name
        As `bin/bench` calls it.
    conditions
        What it was measured under: a sentence.
    details
        What belongs to it and is no figure.
    quiet
        The machine during each window of measurement.
    """

    name: str
    conditions: str
    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    quiet: list[Quiet] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "conditions": self.conditions,
            "figures": {figure.name: figure.facts() for figure in self.figures},
            "details": self.details,
            "quiet": [asdict(quiet) for quiet in self.quiet],
        }


def table(outcome: Outcome) -> str:
    """An outcome as a person reads it."""
    width = max((len(figure.name) for figure in outcome.figures), default=0)
    lines = [f"{outcome.name}: {outcome.conditions}", f"  {'':<{width}}  {'':>10} {'baseline':>10} {'ratio':>7}"]
    for f in outcome.figures:
        baseline = "" if f.baseline is None else shown(f.baseline)
        ratio = "" if f.ratio is None else shown(f.ratio, 3)
        lines.append(f"  {f.name:<{width}}  {shown(f.value):>10} {baseline:>10} {ratio:>7}  {f.unit}")
    lines += [f"  {name}: {value}" for name, value in outcome.details.items()]
    lines += [f"  machine, round {number}: {quiet}" for number, quiet in enumerate(outcome.quiet, start=1)]
    return "\n".join(lines)


def shown(value: float, digits: int = 4) -> str:
    """A number of so many significant digits, in plain notation."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round_to(value, digits):g}"
