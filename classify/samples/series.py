"""The values of sample indicators: one function for each kind of series that sources publish.

Every kind takes the random generator, the shape, and the month that each observation ends in; it gives as many values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi
from random import Random


@dataclass(frozen=True)
class Shape:
    """What a series should look like.

    Parameters
    ----------
    level
        The typical value; of `ytd` and `total` the typical increment.
    swing
        Typical movement from one observation to the next: relative to the level for kinds of magnitude (stock, price,
        index, flow, seasonal, ytd, total, balance), absolute for kinds of per cent or points (bounded, signed, steps).
    low, high
        Bounds of the values.
    year_start
        Month in which a `ytd` series starts again, 0 for January.
    """

    level: float
    swing: float
    low: float = float("-inf")
    high: float = float("inf")
    year_start: int = 0


Values = Callable[[Random, Shape, Sequence[int]], list[float]]


def _walk(rng: Random, shape: Shape, count: int, start: float, drift: float) -> list[float]:
    values, value, gauss = [], start, rng.gauss
    for _ in range(count):
        value = min(max(value * (1 + drift + shape.swing * gauss(0, 1)), shape.low), shape.high)
        values.append(value)
    return values


def price(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """A geometric walk that goes nowhere in particular."""
    return _walk(rng, shape, len(months), shape.level, 0.0)


def stock(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """A random walk with drift: debt, money, population."""
    return _walk(rng, shape, len(months), shape.level, rng.uniform(-0.2, 0.8) * shape.swing)


def index(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """Some way above its base (`level` in the base period), rising more often than falling."""
    return _walk(rng, shape, len(months), shape.level * rng.uniform(1.0, 1.3), rng.uniform(0.1, 1.0) * shape.swing)


def signed(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """Comes back to its level, with either sign where bounds allow: growth, inflation, gaps, survey balances."""
    values, deviation, gauss = [], shape.swing * rng.gauss(0, 1.5), rng.gauss
    for _ in months:
        deviation = 0.8 * deviation + shape.swing * gauss(0, 1)
        values.append(min(max(shape.level + deviation, shape.low), shape.high))
    return values


def bounded(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """Wanders slowly within its bounds: percentages, ratios, yields, probabilities."""
    values, value, gauss = [], shape.level, rng.gauss
    for _ in months:
        value += 0.05 * (shape.level - value) + shape.swing * gauss(0, 1)
        value = min(max(value, shape.low), shape.high)
        values.append(value)
    return values


def steps(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """Stays for long, then moves by one step of `swing`: policy rates, tax rates."""
    values, value, upwards = [], round(shape.level / shape.swing) * shape.swing, rng.random() < 0.5
    for _ in months:
        if rng.random() < 0.12:
            value += shape.swing if upwards else -shape.swing
            upwards ^= rng.random() < 0.1
        value = min(max(value, shape.low), shape.high)
        values.append(value)
    return values


def constant(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """The same value throughout, a whole or a half: targets, statutory limits, codes."""
    return [round(2 * shape.level) / 2] * len(months)


def balance(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """The difference of two large flows: of either sign, and noisy."""
    spread, gauss = abs(shape.level) * shape.swing, rng.gauss
    return [shape.level + spread * gauss(0, 1) for _ in months]


def flow(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """What happens in each period, without a season; never below a twentieth of the level."""
    floor, gauss = 0.05 * shape.level, rng.gauss
    return [max(shape.level * (1 + shape.swing * gauss(0, 1)), floor) for _ in months]


def seasonal(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """What happens in each period, with a yearly peak of the size of `swing`, noise and slow growth."""
    peak, growth, gauss = rng.randrange(12), rng.uniform(-0.002, 0.008), rng.gauss
    season = [1 + shape.swing * cos(2 * pi * (month - peak) / 12) for month in range(12)]
    noise, size, values = 0.3 * shape.swing, shape.level, []
    for month in months:
        size *= 1 + growth
        values.append(size * max(season[month % 12] + noise * gauss(0, 1), 0.05))
    return values


def total(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """A running total: what was there before, and each period's flow added for ever."""
    value, values = shape.level * rng.uniform(0, 60), []
    for increment in flow(rng, shape, months):
        value += increment
        values.append(value)
    return values


def ytd(rng: Random, shape: Shape, months: Sequence[int]) -> list[float]:
    """Flows summed from the start of the (fiscal) year; falls back when the next year starts."""
    step = months[1] - months[0] if len(months) > 1 else 1
    value = shape.level * ((months[0] - shape.year_start) % 12 // step)
    values, year = [], (months[0] - shape.year_start) // 12
    for month, increment in zip(months, flow(rng, shape, months), strict=True):
        if (month - shape.year_start) // 12 != year:
            value, year = 0.0, year + 1
        value += increment
        values.append(value)
    return values


@dataclass(frozen=True)
class Kind:
    """A kind of series: its function, and its swing for entries that name none (None: from the width of the bounds)."""

    values: Values
    swing: float | None


KINDS: dict[str, Kind] = {
    "price": Kind(price, 0.02),
    "stock": Kind(stock, 0.01),
    "index": Kind(index, 0.006),
    "signed": Kind(signed, None),
    "bounded": Kind(bounded, None),
    "steps": Kind(steps, 0.25),
    "constant": Kind(constant, 0.0),
    "balance": Kind(balance, 0.8),
    "flow": Kind(flow, 0.06),
    "seasonal": Kind(seasonal, 0.05),
    "total": Kind(total, 0.2),
    "ytd": Kind(ytd, 0.08),
}
BOUNDS_PER_SWING = {"signed": 22, "bounded": 70}
"""How many typical movements lie between the bounds, for kinds whose swing comes from them."""
