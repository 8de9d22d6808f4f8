"""How the sample values lie in time: their spacing, read as a reporting frequency."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from classify.taxonomy import Frequency

# Longest gap in days between two observations, and the frequency it speaks for. The list of frequencies has no
# fortnight and no two-month period: they count as the next finer one that it has.
_GAPS: tuple[tuple[int, Frequency], ...] = (
    (5, "daily"), (20, "weekly"), (75, "monthly"), (136, "quarterly"), (250, "semi-annual"),
    (date.max.toordinal(), "annual"),
)  # fmt: skip
_ORDER = tuple(frequency for _, frequency in _GAPS)

PERIODS_A_YEAR: dict[Frequency, float] = {
    "daily": 250, "weekly": 52, "monthly": 12, "quarterly": 4, "semi-annual": 2, "annual": 1,
}  # fmt: skip


def spacing(days: Iterable[date]) -> tuple[Frequency, float, int] | None:
    """The frequency that dates are spaced at, how sure (0 to 1), and over how many gaps; None with fewer than two.

    Missing observations only lengthen gaps, so the finest frequency that a good part of the gaps speaks for wins.
    """
    distinct = sorted(set(days))
    gaps = [(b - a).days for a, b in pairwise(distinct)]
    if not gaps:
        return None
    votes: Counter[Frequency] = Counter()
    for gap, times in Counter(gaps).items():
        votes[next(f for longest, f in _GAPS if gap <= longest)] += times
    frequency = next((f for f in _ORDER if votes[f] >= 0.3 * len(gaps)), max(_ORDER, key=votes.__getitem__))
    share = votes[frequency] / len(gaps)
    return frequency, round(min(0.95, 0.45 + 0.35 * share + 0.03 * min(len(gaps), 5)), 2), len(gaps)


def one_value_a_date(series: Sequence[tuple[date, float]]) -> bool:
    """Whether this is one series at all; some samples mix those of several countries under the same dates."""
    return len({day for day, _ in series}) == len(series)
