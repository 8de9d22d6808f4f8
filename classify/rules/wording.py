"""Whether the words say that values accumulate ("year-to-date", "since inception") or that they do not, though it
sounds so ("12-month rolling sum", "accumulated depreciation").
"""

from functools import lru_cache
from typing import Literal

from classify.indicator import Indicator
from classify.rules.text import any_of

Wording = Literal["ytd", "running_total", "not_cumulative"]

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_OF_YEAR = r"(?:the |each )?(?:current |calendar |fiscal |financial )?year"

_SPAN = r"(?:\d+|twelve|four|three|six)"

# Sounds like a total and is none: a window that moves along, a stock in the books, a compounded percentage.
_SOUNDS_SO = any_of(
    rf"""(?:rolling|trailing|moving) (?:{_SPAN} )?(?:month|quarter|week|day|year|annual|sum|total|average|window)s?
    ttm, ltm, running (?:{_SPAN} )?(?:month|quarter|year)s?
    {_SPAN} ?(?:m|month|quarter)s? (?:rolling|trailing|moving|sum|total|cumulative)
    (?:sum|total) (?:of|over) (?:the )?(?:last|past|previous|latest|trailing), non ?cumulative, not cumulative
    de ?cumulated
    accumulated (?:depreciation|amorti[sz]ation|impairment|surplus|deficit|loss(?:es)?|profits?|reserves?)
    accumulated (?:earnings|arrears), (?:ac)?cumulat(?:ive|ed) (?:%|per ?cent|percentage|growth|inflation|returns?)
    (?:ac)?cumulat(?:ive|ed) (?:change|probability|distribution)"""
)
_YTD = any_of(
    rf"""f?ytd, (?:fiscal |financial |calendar )?year to date
    (?:from|since) (?:the )?(?:start|beginning) of {_OF_YEAR}
    (?:cumulative|cumulated|accumulated|total).{{0\x2c40}} (?:from|since) (?:1st |1 )?{_MONTH}(?! ?\d{{4}})
    (?:cumulative|cumulated|accumulated) (?:for|in|during|within|over) {_OF_YEAR}, year cumulative
    cumulative (?:fiscal|financial|calendar) year, {_MONTH} to (?:the )?(?:current|reporting|reference|latest) month
    (?:jan(?:uary)?|apr(?:il)?|july?|oct(?:ober)?)\.? ?[–—-] ?(?:$|(?=[()\]])|{_MONTH})"""
)
_RUNNING = any_of(
    r"""running total, since (?:the )?(?:inception|launch|outbreak|beginning|start), cumulative, cumulated
    accumulated, cumul, since (?:18|19|20)\d\d, all time total, (?<!up )to date"""
)
_RUNNING_IN_PROSE = any_of(
    r"running total, since inception, cumulative (?:total|number|sum|amount|count)s?(?!.{0\x2c40} per )"
)


@lru_cache(maxsize=65_536)
def _wording(title: str, definition: str) -> Wording | None:
    if _SOUNDS_SO.search(title):
        return "not_cumulative"
    if _YTD.search(title):
        return "ytd"
    if _RUNNING.search(title):
        return "running_total"
    # A definition mentions much in passing: only what cannot be meant otherwise counts.
    if _SOUNDS_SO.search(definition):
        return None
    if _YTD.search(definition):
        return "ytd"
    return "running_total" if _RUNNING_IN_PROSE.search(definition) else None


def accumulation_in(indicator: Indicator) -> Wording | None:
    """What name, units and definition say about accumulation; None where they say nothing.

    Says nothing about the unit: "cumulative (%)" is found here too, though a percentage cannot add up.
    """
    return _wording(f"{indicator.name} ({indicator.units or ''})", indicator.definition or "")
