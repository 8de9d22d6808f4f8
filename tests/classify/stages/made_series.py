"""Made-up series of every kind that the accumulation rules must tell apart, each from a seed."""

import math
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

Series = list[tuple[str, float]]
Maker = Callable[[Random], Series]


def month_ends(rng: Random, count: int) -> list[date]:
    first = rng.randint(2005 * 12, 2020 * 12)
    months = [divmod(first + i, 12) for i in range(count)]
    return [date(year, month + 1, monthrange(year, month + 1)[1]) for year, month in months]


def quarter_ends(rng: Random, count: int) -> list[date]:
    first = rng.randint(2000 * 4, 2015 * 4)
    quarters = [divmod(first + i, 4) for i in range(count)]
    return [date(year, quarter * 3 + 3, monthrange(year, quarter * 3 + 3)[1]) for year, quarter in quarters]


def days_apart(rng: Random, count: int, gap: int) -> list[date]:
    first = date(2015, 1, 1) + timedelta(days=rng.randrange(1500))
    days = [first + timedelta(days=i * gap) for i in range(count * (1 if gap > 1 else 2))]
    return [day for day in days if gap > 1 or day.weekday() < 5][:count]


def flows(rng: Random, days: list[date], season: float = 0.0, noise: float | None = None) -> list[float]:
    """Positive flows with growth, noise and a season of the given amplitude."""
    size, growth = rng.choice([8.0, 900.0, 5e7]), rng.uniform(-0.02, 0.12)
    noise = rng.uniform(0.03, 0.35) if noise is None else noise
    peak = rng.uniform(0, 12)
    result = []
    for day in days:
        years = (day - days[0]).days / 365.25
        swing = 1 + season * math.cos((day.month + day.day / 31 - peak) / 12 * 2 * math.pi)
        result.append(size * (1 + growth) ** years * swing * max(0.05, rng.gauss(1, noise)))
    return result


def restarted(days: list[date], values: list[float], start_month: int) -> list[float]:
    total, year, result = 0.0, None, []
    for day, value in zip(days, values, strict=True):
        this = (day.year * 12 + day.month - start_month) // 12
        total = value if this != year else total + value
        year = this
        result.append(total)
    return result


def summed(values: list[float], start: float = 0.0) -> list[float]:
    result = []
    for value in values:
        start += value
        result.append(start)
    return result


def published(rng: Random, days: list[date], values: list[float], missing: float = 0.0) -> Series:
    """As sources send it: labels, some observations missing, often the newest first."""
    rows = [(day.isoformat(), round(v, 6)) for day, v in zip(days, values, strict=True) if rng.random() >= missing]
    return rows[::-1] if rng.random() < 0.5 else rows


def year_to_date(rng: Random, days: list[date], values: list[float], start: int, missing: float = 0.0) -> Series:
    """Accumulated within years; the days before the second year's start are dropped but for a partial first year."""
    totals = restarted(days, values, start)
    lead = next(i for i, day in enumerate(days) if (day - days[0]).days > 364)
    return published(rng, days[lead:], totals[lead:], missing)


def ytd_monthly(rng: Random) -> Series:
    days = month_ends(rng, 12 + rng.randint(20, 50))
    if rng.random() < 0.3:
        days = [day.replace(day=1) for day in days]  # some sources label a month by its first day
    values = flows(rng, days, season=rng.uniform(0, 0.4))
    return year_to_date(rng, days, values, rng.choice([1, 1, 1, 4, 7, 10]), missing=rng.choice([0, 0, 0.08]))


def ytd_quarterly(rng: Random) -> Series:
    days = quarter_ends(rng, 4 + rng.randint(12, 40))
    if rng.random() < 0.3:
        days = [day.replace(month=day.month - 2, day=1) for day in days]
    values = flows(rng, days, season=rng.uniform(0, 0.15), noise=rng.uniform(0.02, 0.15))
    return year_to_date(rng, days, values, rng.choice([1, 4, 7, 10]))


def ytd_weekly(rng: Random) -> Series:
    days = days_apart(rng, 53 + rng.randint(60, 150), 7)
    return year_to_date(rng, days, flows(rng, days), rng.choice([1, 4, 7]))


def ytd_daily(rng: Random) -> Series:
    days = days_apart(rng, 262 + rng.randint(300, 600), 1)
    return year_to_date(rng, days, flows(rng, days), rng.choice([1, 4]))


def ytd_deficit(rng: Random) -> Series:
    days = month_ends(rng, 12 + rng.randint(24, 50))
    return year_to_date(rng, days, [-v for v in flows(rng, days)], rng.choice([1, 4, 7]))


def ytd_balance(rng: Random) -> Series:
    """A budget that is short in most months and has money left in some."""
    days = month_ends(rng, 12 + rng.randint(36, 50))
    size = rng.choice([5.0, 3000.0])
    values = [-size * rng.gauss(1, 0.9) for _ in days]
    return year_to_date(rng, days, values, rng.choice([1, 1, 4, 7]))


def seasonal_monthly(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(18, 50))
    return published(rng, days, flows(rng, days, season=rng.uniform(0.1, 0.8), noise=rng.uniform(0.01, 0.2)))


def december_peak(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(18, 50))
    values = flows(rng, days, noise=rng.uniform(0.005, 0.05))
    peak = rng.uniform(1.2, 1.9)
    return published(rng, days, [v * (peak if d.month == 12 else 1) for d, v in zip(days, values, strict=True)])


def sawtooth_season(rng: Random) -> Series:
    """Climbs all year and drops in January, yet never to the size of one step: the hardest season to tell from YTD."""
    days = month_ends(rng, rng.randint(24, 50))
    low, high = rng.uniform(0.6, 0.85), rng.uniform(1.15, 1.5)
    values = flows(rng, days, noise=0.005)
    return published(
        rng, days, [v * (low + (high - low) * (d.month - 1) / 11) for d, v in zip(days, values, strict=True)]
    )


def seasonal_quarterly(rng: Random) -> Series:
    days = quarter_ends(rng, rng.randint(10, 40))
    return published(rng, days, flows(rng, days, season=rng.uniform(0.1, 0.4), noise=rng.uniform(0.01, 0.15)))


def noise_about_level(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(12, 50))
    return published(rng, days, flows(rng, days))


def noise_about_zero(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(18, 50))
    return published(rng, days, [rng.gauss(rng.uniform(-0.3, 0.3), 1) * 500 for _ in days])


def random_walk(rng: Random) -> Series:
    days = rng.choice([month_ends(rng, rng.randint(18, 50)), days_apart(rng, rng.randint(30, 250), 1)])
    level = rng.choice([100.0, 4000.0])
    return published(rng, days, summed([level * rng.gauss(0, 0.02) for _ in days], level))


def walk_about_zero(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(18, 50))
    return published(rng, days, summed([rng.gauss(0, 1) for _ in days]))


def growing_level(rng: Random) -> Series:
    """Population, a price level, nominal output: it only climbs, but it began long ago."""
    make = rng.choice([lambda n: month_ends(rng, n), lambda n: quarter_ends(rng, n)])
    days = make(rng.randint(12, 50))
    rate = rng.uniform(0.001, 0.02)
    return published(rng, days, [1e6 * math.exp(rate * i + rng.gauss(0, rate / 20)) for i in range(len(days))])


def growing_yearly(rng: Random) -> Series:
    rate, level = rng.uniform(0.005, 0.05), rng.choice([3e5, 8e7])
    years = range(2024 - rng.randint(8, 40), 2024)
    return [(str(year), level * (1 + rate) ** i) for i, year in enumerate(years)]


def spikes(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(18, 50))
    return published(rng, days, [rng.uniform(50, 200) if rng.random() < 0.15 else rng.uniform(0, 2) for _ in days])


def constant(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(8, 50))
    return published(rng, days, [rng.choice([1.0, 250.0])] * len(days))


def running_total_from_start(rng: Random) -> Series:
    days = rng.choice([month_ends(rng, rng.randint(14, 50)), days_apart(rng, rng.randint(40, 200), 1)])
    return published(rng, days, summed(flows(rng, days)))


def running_total_late(rng: Random) -> Series:
    """What only words can tell: it began long before the sample, and hardly moves."""
    days = month_ends(rng, rng.randint(14, 50))
    values = flows(rng, days)
    return published(rng, days, summed(values, start=values[0] * rng.uniform(20, 400)))


def too_short(rng: Random) -> Series:
    days = month_ends(rng, rng.randint(0, 3))
    return published(rng, days, flows(rng, days))
