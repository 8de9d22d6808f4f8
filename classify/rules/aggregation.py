"""How the values of a type aggregate over time: the half of stage 5 that follows from the type, mostly."""

from typing import TypeAlias

from classify.rules import vocabulary as v
from classify.rules.rulebook import Match, Rule, Subject, kinds, matches, words
from classify.taxonomy import CUMULATIVE_TYPES, IndicatorType, TemporalAggregation

_Rules: TypeAlias = tuple[Rule[TemporalAggregation], ...]

_NOT_APPLICABLE: _Rules = (
    Rule("not-applicable", 0.97, "One quantity set against another does not add up over time"),
)  # fmt: skip
_AT_A_MOMENT: _Rules = (
    Rule("point-in-time", 0.93, "A reading at a moment"),
)  # fmt: skip
_AVERAGE: _Rules = (
    Rule("period-average", 0.8, "An average over the period"),
)  # fmt: skip
_TOTAL: _Rules = (
    Rule("period-total", 0.8, "The total of the period"),
)  # fmt: skip
_PRICES: _Rules = (
    Rule("period-average", 0.75, "An average over the period",
        anywhere=words("period average, (?<!weighted )averages?, avg, mean")),
    Rule("period-average", 0.6, "Pay, as an average of the period", words("wages?, salar(?:y|ies), earnings"),
        unless=words("minimum.*, living.*")),
    *_AT_A_MOMENT,
)  # fmt: skip

_BY_TYPE: dict[IndicatorType, _Rules] = {
    "flow": (
        Rule("period-rate", 0.75, "A flow, scaled by GDP", kinds=kinds("percentage ratio rate")),
        Rule("period-rate", 0.85, "A flow at an annual or daily rate",
            anywhere=words(r"annuali[sz]ed, saar, annual rates?, "
            r"(?:barrels|bbl|cubic feet|tonnes|megawatts?).{0\x2c3}(?:per|a|/) ?d(?:ay)?, bbl/d.*, bpd, "
            r"[mk]?b/?p?d, per day, /d(?:ay)?")),
        Rule("period-rate", 0.55, "Quarterly GDP is mostly stated at an annual rate",
            head=words("gross domestic product, gdp"), frequency=words("quarterly"),
            unless=words("from, per capita, gdp (?!constant|current|at).*"), kinds=kinds("currency-amount")),
        Rule("period-total", 0.8, "The total of the period"),
    ),
    "stock": (
        Rule("period-average", 0.6, "Weather, averaged over the period", words("(?:mean )?temperatures?")),
        *_AT_A_MOMENT,
    ),
    "balance": _TOTAL,
    "volume": _TOTAL,
    "count": (
        Rule("point-in-time", 0.75, "Those who draw benefits at a moment", words("continu(?:ing|ed) .*claims")),
        Rule("point-in-time", 0.75, "A number at a moment",
            words("(?:un)?employed(?: persons?)?, employe(?:es|r)s?(?::.*)?, (?:un)?employment, vacanc(?:y|ies), "
            "openings?, jobs, rigs?, branches, subscri.*, users, personnel, companies, banks?, atms?, accounts, "
            "number of .*(?:firms|banks|branches|machines|servers|companies).*, teachers, pupils, students, "
            "enrol?l?ment, living, headcount, poor, schools, households, servers, beds, physicians, "
            "full time.*, part time.*, persons, unemployed.*, payrolls, species, procedures, children, adults, "
            "people, orphans?"),
            unless=words("deaths?, births?, starts, permits?, bankruptc.*, killed, newly, new, arrivals?, "
            "registered, carried, claims, infections, displacements?, articles?")),
        Rule("period-total", 0.8, "The number of the period"),
    ),
    "rate": (
        Rule("period-rate", 0.95, "A change over the period"),
    ),
    "index": (
        Rule("period-average", 0.7, "Opinions asked over the period", words(v.SURVEY),
            unless=words("price index, consumer.*, revenues index, house.*, leading.*, production.*, yoy"),
            unless_unit=words(".*=.*, score.*, .*low.*")),
        *_AT_A_MOMENT,
    ),
    "price": _PRICES,
    "yield": _PRICES,
    "correlation": _AVERAGE,
    "elasticity": _AVERAGE,
    "multiplier": _AVERAGE,
    "duration": _AVERAGE,
    "percentage": _NOT_APPLICABLE,
    "ratio": _NOT_APPLICABLE,
    "spread": _NOT_APPLICABLE,
    "share": _NOT_APPLICABLE,
    "other": _NOT_APPLICABLE,
}  # fmt: skip
_CUMULATIVE: Match[TemporalAggregation] = Match("period-cumulative", 0.9, "The values add up from period to period.")


def aggregate(kind: IndicatorType, subject: Subject, cumulative: bool) -> Match[TemporalAggregation]:
    """How values of type `kind` aggregate; `cumulative` is what stage 3 found."""
    if cumulative and kind in CUMULATIVE_TYPES:
        return _CUMULATIVE
    return next(matches(_BY_TYPE.get(kind, _AT_A_MOMENT), subject))
