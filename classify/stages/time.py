"""Stage 2, time: how often the indicator is reported, and what one value stands for."""

import re

from classify.indicator import Indicator
from classify.rules.accumulation import shape_of
from classify.rules.kinds import ADDITIVE_UNITS, FLOWLIKE, Kind, kind_of
from classify.rules.series import spacing
from classify.rules.text import any_of
from classify.rules.wording import accumulation_in
from classify.stages.base import Confidence, Findings, Prompt, Question, StageResult
from classify.stages.normalize import Normalization
from classify.stages.prompts import always
from classify.taxonomy import Frequency, TimeBasis


class TimeInference(StageResult):
    """Reporting frequency and time basis."""

    reporting_frequency: Frequency
    time_basis: TimeBasis
    confidence: Confidence
    reasoning: str
    source_used: str
    """What the frequency was read off: units, periodicity, dates, name or default."""


_Table = tuple[tuple[Frequency, re.Pattern[str]], ...]


def _table(*rows: tuple[Frequency, str]) -> _Table:
    return tuple((frequency, any_of(words)) for frequency, words in rows)


# "Quarterly (represented as Annual)" is annual: the values are what counts, not where they came from. "Biannual" is
# twice a year and "biennial" every second year; a fortnight or two months count as the next finer frequency there is.
# Single letters are the codes of SDMX and of data services.
_PERIODICITY = _table(
    ("annual", "represented as (?:an )?annual"),
    ("quarterly", "represented as (?:a )?quarter(?:ly)?"),
    ("monthly", "represented as (?:a )?month(?:ly)?"),
    ("point-in-time", "irregular(?:ly)?, ad ?hoc, one off, once, not applicable, n/?a, unscheduled, point in time"),
    (
        "semi-annual",
        "(?:bi|semi) ?annual(?:ly)?, semi ?yearly, half ?year(?:ly)?, every (?:six|6) months, ^[sh]$, ^sa$",
    ),
    ("semi-annual", "(?:twice|two times|2 times) (?:a|per) year"),
    ("annual", r"\d+ years?, years, biennial(?:ly)?, triennial(?:ly)?, quinquennial, decennial, every .* year, census"),
    ("weekly", "bi ?weekly, fortnight(?:ly)?, every (?:two|2) weeks, ^bw$"),
    ("monthly", "(?:bi|semi) ?monthly, every (?:two|2) months, twice (?:a|per) month"),
    ("quarterly", "quarter(?:ly)?, every (?:three|3) months, trimest.*, ^q$"),
    ("weekly", "week(?:ly)?, ^w$"),
    ("monthly", "month(?:ly)?, ^m$"),
    ("annual", "annual(?:ly)?, year(?:ly)?, per annum, ^[ay]$"),
    ("daily", "daily, days?, ^[db]$, hour(?:ly)?, minutes?, intraday, real ?time, ticks?, continuous"),
)
_UNITS = _table(
    ("annual", "per (?:year|annum), annual, yearly, (?<=/)(?:year|yr|a)$"),
    ("quarterly", "per quarter, quarterly, qoq"),
    ("monthly", "per month, monthly, mom"),
    ("weekly", "weekly, wow"),
    ("daily", "daily"),
)
_NAME = _table(
    ("monthly", "mom, m/m, month (?:on|over) month, monthly"),
    ("quarterly", "qoq, q/q, quarter (?:on|over) quarter, quarterly"),
    ("weekly", "wow, weekly(?! (?:hours|earnings|wages?|overtime))"),
    ("daily", "daily(?! (?:wages?|earnings)), closing price, overnight rate"),
    ("semi-annual", "semi ?annual, half ?yearly"),
    ("annual", "full year, annual, yearly, fiscal year"),
)


def _read(table: _Table, text: str | None) -> Frequency | None:
    return next((frequency for frequency, words in table if words.search(text)), None) if text else None


def _frequency(indicator: Indicator) -> tuple[Frequency, float, str, str]:
    """The frequency, how sure, what it was read off, and in words."""
    spaced = spacing(day for day, _ in indicator.series())
    stated = _read(_PERIODICITY, (indicator.periodicity or "").strip())
    if stated == "point-in-time" and spaced and spaced[2] >= 3:
        stated = None
    if stated:
        if spaced and spaced[2] >= 3 and spaced[0] != stated:
            words = f"the periodicity says {indicator.periodicity!r}, though the dates lie {spaced[0]} apart"
            return stated, 0.75, "periodicity", words
        return stated, 0.95, "periodicity", f"the periodicity says {indicator.periodicity!r}"
    if spaced:
        return spaced[0], spaced[1], "dates", f"the dates lie {spaced[0]} apart over {spaced[2]} gaps"
    if read := _read(_UNITS, indicator.units):
        return read, 0.6, "units", f"the units say {indicator.units!r}"
    if read := _read(_NAME, indicator.name):
        return read, 0.6, "name", f"the name says {read}"
    return "annual", 0.25, "default", "nothing says how often, and annual is the most common"


_OF_A_MOMENT: frozenset[Kind] = frozenset({"index", "price", "stock", "probability"})
_BASIS_OF_KIND: dict[Kind, str] = {
    "change": "a change between periods", "index": "an index level", "price": "a price or rate of the moment",
    "stock": "a stock", "duration": "an average over the period", "probability": "a probability of the moment",
    "balance": "the balance of a period's flows", "flow": "a flow", "count": "a count of a period's events",
}  # fmt: skip
_COMPUTED_OVER = any_of("correlations?, elasticit(?:y|ies), multipliers?, beta")
_GAP = any_of("gap")
_BARE_PERCENT = re.compile(r"\s*(?:%|per ?cent)\s*", re.I)
_IN_PERCENT = any_of(
    "rates?, ratio, share, as a share, to gdp, of gdp, yields?, spread, minus, allocation, utili[sz]ation"
)
_PRICE_OF_ONE = re.compile(r"\bper\b(?! (?:capita|year|month|day))|/", re.I)
_PARTS_OF_FLOWS = re.compile(r"% of (?:potential )?(?:gdp|gni|gross|revenue|expen|exports|imports|sales)", re.I)
_END_OF_PERIOD = any_of("end of (?:the )?(?:period|year|month|quarter), as of, (?:period|year) end, eop")
_OVER_PERIOD = any_of("period average, average (?:over|of) (?:the )?(?:period|month|year), during the (?:period|year)")


def _basis(indicator: Indicator, unit: Normalization) -> tuple[TimeBasis, float, str]:
    text = f"{indicator.name} {indicator.units or ''}"
    kind = kind_of(text)
    additive = unit.parsed_unit_type in ADDITIVE_UNITS and kind != "change"
    if additive and accumulation_in(indicator) in ("ytd", "running_total"):
        return "cumulative", 0.9, "the words say that values accumulate"
    if additive and (kind == "unknown" or kind in FLOWLIKE):
        shape = shape_of(indicator.series(), signed=kind == "balance")
        if shape.pattern == "ytd" and shape.confidence >= 0.85:
            return "cumulative", shape.confidence, "the values climb within the year and start again"
    if _END_OF_PERIOD.search(text):
        return "point-in-time", 0.95, "it is measured at the end of the period"
    if _OVER_PERIOD.search(text):
        return "per-period", 0.9, "it is measured over the period"
    if _COMPUTED_OVER.search(text):
        return "per-period", 0.75, "computed over the observations of a period"
    if unit.parsed_unit_type == "index":
        return "point-in-time", 0.9, "an index level"
    if kind == "change":
        return "per-period", 0.95, _BASIS_OF_KIND[kind]
    if unit.parsed_unit_type == "percentage" and _PARTS_OF_FLOWS.search(text) and kind != "stock":
        if _GAP.search(text):
            return "point-in-time", 0.55, "a gap of the moment"
        return "per-period", 0.85, "flows of a period against each other"
    if _BARE_PERCENT.fullmatch(indicator.units or "") and kind in ("stock", "price") and not _IN_PERCENT.search(text):
        return "per-period", 0.65, "a stock or price in percent of nothing: its change"
    if kind in _OF_A_MOMENT:
        return "point-in-time", 0.85, _BASIS_OF_KIND[kind]
    if kind != "unknown":
        return "per-period", 0.85, _BASIS_OF_KIND[kind]
    if unit.parsed_unit_type == "rate" and unit.parsed_currency:
        return "point-in-time", 0.9, "an exchange rate"
    if unit.parsed_unit_type == "currency-amount" and _PRICE_OF_ONE.search(indicator.units or ""):
        return "point-in-time", 0.8, "a price of a unit of something"
    return "per-period", 0.5, "nothing says otherwise"


def infer_time(indicator: Indicator, findings: Findings) -> TimeInference:
    """Read the frequency off the periodicity, else the dates, units and name; the basis off words, units and kind."""
    frequency, sure, source, because = _frequency(indicator)
    basis, sure_of_basis, as_it_is = _basis(indicator, findings[Normalization])
    return TimeInference(
        reporting_frequency=frequency,
        time_basis=basis,
        confidence=round(min(sure, sure_of_basis), 2),
        reasoning=f"{because[0].upper()}{because[1:]}; each value is {basis}: {as_it_is}.",
        source_used=source,
    )


UNIT_READ = 0.6
"""From this parsing confidence on the unit was read; below, it is a guess from the name."""


def cannot_add_up(unit: Normalization) -> bool:
    """Whether values of the unit, as it was read, cannot be summed over time: three rates of 5 % make no 15 %."""
    return unit.parsed_unit_type not in ADDITIVE_UNITS and unit.parsing_confidence >= UNIT_READ


def contradiction(inference: TimeInference, findings: Findings) -> str | None:
    """What disagrees in an answer: only something that adds up, reported period after period, is cumulative."""
    if inference.time_basis != "cumulative":
        return None
    if inference.reporting_frequency == "point-in-time":
        return "time_basis cumulative contradicts reporting_frequency point-in-time: sums that run on have a rhythm."
    if cannot_add_up(unit := findings[Normalization]):
        return f"time_basis cumulative contradicts the unit: values of the kind {unit.parsed_unit_type} do not add up."
    return None


STAGE = Question(
    name="time",
    table="time_inference_results",
    result=TimeInference,
    rules=infer_time,
    prompt=Prompt(instructions=always("time"), contradiction=contradiction),
)
"""The stage."""
