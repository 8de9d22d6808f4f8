"""What a piece of text says about units: kind, scale and currency, read off with an ordered table of rules.

The text is a `units` column, a bracket of a name, or its tail; `normalize` decides which of them to believe.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from classify.rules.currencies import currency_in
from classify.rules.scales import scale_in
from classify.rules.text import any_of
from classify.taxonomy import NormalizedScale, UnitType


@dataclass(frozen=True)
class Reading:
    """What a text says: `kind` unknown where it names no unit; `sureness` from 0 to 1."""

    kind: UnitType
    sureness: float
    currency: str | None = None
    scale_word: str | None = None
    scale: NormalizedScale = "raw-units"
    bare_currency: bool = False
    """Nothing but a currency, with no scale and no denominator: an amount, or the other side of an exchange rate."""


UNREAD = Reading("unknown", 0.1)

_PERCENT = re.compile(
    r"%|\bper ?cents?\b|\bpercentages?\b|\bpct\b|\bp\.?p(?:ts?)?\.?(?![\w$])(?! \$)|\bprozent\b|\brate of change\b",
    re.I,
)
_STARTS_AS_INDEX = re.compile(r"\s*ind(?:ex|ices)\b", re.I)
_BASIS_POINTS = any_of("bps?, basis points?")
_PER = re.compile(r"\bper\b|/|(?<=[a-z$]) an? (?=day|week|month|year|barrel|tonne?\b)", re.I)

_INDEX = re.compile(
    any_of(
        r"""ind(?:ex|ices|exes), points?, scores?, rank(?:ing|s)?, ratings?, base (?:year|period), gpi
        trend indicator, diffusion, deflator, balance of opinion, net balance, percentile, likert
        standard deviations?, sigma, 100\s*=.*"""
    ).pattern
    + r"|^\W*-?\d+ ?(?:-|–|to) ?-?\d+(?: \(|$)|=\s*100\b|\bscale\b.{0,4}\d|\bscale$|\d\s*=\s*\D",
    re.I,
)
_RATIO = any_of(
    r"""ratios?, coefficients?, multipl(?:es?|iers?), correlations?, elasticit(?:y|ies), times, fractions?
    proportions?, (?:days|weeks|months|years) of (?:imports?|gdp|expenditures?|sales|supply|cover(?:age)?)
    import cover, decimal, share of, 1 in, ^x$"""
)
_DURATION = re.compile(
    r"^\W*(?:(?:number|average|avg|median|mean|total)\.? (?:of |number of )*)?(?:calendar |working |business |person-)?"
    r"(?:days?|weeks?|months?|years?|yrs?|hours?|hrs?|minutes?|mins?|seconds?)\b(?!-)",
    re.I,
)
_PHYSICAL = any_of(
    r"""(?:kilo|milli|micro|nano)?gram(?:me)?s?, (?:metric |short |long |gross )?ton(?:ne)?s?, [km]g, kgs, [µμu]g
    [kmg]?t, [kmg]?t ?co2e?, co2e?, oil equivalent, [km]?toe, dwt, dead weight, teus?, barrels?, [km]?bbls?
    mm?b/?p?d, k?bp?/?d, (?:mega|hecto|milli)?lit(?:er|re)s?, gallons?, ml, cubic \w+, cu\.? ?(?:m|ft), m3, m³
    bc[mf], mm?c[mf]d?, mmscfd?, sq(?:uare|\.)? ?(?:k?m|ft|feet|inch(?:es)?|miles?|(?:kilo)?met(?:er|re)s?), [kc]?m2
    k?m², hect?ares?, ha, acres?, (?:kilo|centi|milli)?met(?:er|re)s?, [kcm]m, miles?, inch(?:es)?, f(?:oo|ee)t
    (?:passenger|ton(?:ne)?|route) ?(?:km|miles?), [kmgt]w(?:h|p|e)?, (?:kilo|mega|giga|tera)?watts?(?: ?hours?)?
    [kmgtpe]j, (?:kilo|mega|giga|tera|peta)?joules?, (?:mm)?btus?, kcal, calories, degrees?, °.?, celsius, ounces?
    oz, lbs?, pounds?, bushels?, carats?, bales?, quintals?, ppm, parts per (?:million|billion), [kmgt]b(?:ps|it)?
    bits?, bytes?, volts?"""
)
_COUNT = any_of(
    r"""numbers?, no\.?(?= of)|no\.?$, #.*, counts?, persons?, people, units?, workers?, employe(?:e|d)s?, jobs?
    cases?, deaths?, births?, vehicles?, cars?, autos?, shares, transactions?, accounts?, permits?, dwellings?
    houses?, homes?, households?, compan(?:y|ies), firms?, enterprises?, establishments?, claims?, heads?, tourists?
    arrivals?, visitors?, passengers?, subscri(?:bers?|ptions?), contracts?, lots, students?, pupils?, teachers?
    patients?, beds?, children, women, men, males?, females?, adults?, inhabitants?, population, pieces?
    applications?, registrations?, properties, branches, atms?, users?, flights?, departures, rigs?, licen[cs]es
    visits?, meetings?, procedures?, migrants?, events?, vessels?, ships?, containers?, birds?, articles?, cards?
    doses, nights, rooms, bags, ftes?, full time equivalents?"""
)

# The first rule that matches says the kind. Percent comes first: "% of GDP, USD" is a percentage, whatever follows.
_KINDS: tuple[tuple[re.Pattern[str], UnitType], ...] = (
    (_INDEX, "index"),
    (_RATIO, "ratio"),
    (_DURATION, "duration"),
    (_PHYSICAL, "physical"),
    (_COUNT, "count"),
)
_PERIOD = re.compile(r"\W*(?:day|week|month|quarter|year|annum|hour|minute|yr|mo)s?\b", re.I)
_WORD = re.compile(r"[a-z]{4,}")
_YES_OR_NO = re.compile(r"\b[01]\s*=\s*(?:yes|no)\b|^(?:binary|dummy|yes/no)\b", re.I)
_MONEY_UNNAMED = re.compile(r"\b(?:current|constant|chained|nominal|real)\b.*\bprices\b|\bcurrency\b|\blcu\b", re.I)
_HEADS_BELOW = re.compile(r"\W*(?:\d|hundred|thousand|million|capita|head|person|people|inhabitant|population)", re.I)

# "USD/BBL/1K": some publishers write the scale as a last divisor.
_DIVISOR_SCALE = re.compile(r"/1(?P<word>[KMB])$")
_DIVISORS: dict[str, NormalizedScale] = {"K": "thousands", "M": "millions", "B": "billions"}


@lru_cache(maxsize=65_536)
def read_units(text: str) -> Reading:
    """What `text` says about the unit; `unknown` where it is a remark and no unit ("modeled ILO estimate")."""
    if divisor := _DIVISOR_SCALE.search(text):
        reading = read_units(text[: divisor.start()])
        return replace(reading, scale_word=divisor["word"], scale=_DIVISORS[divisor["word"]])
    above, line, below = _halves(text)
    if _PERCENT.search(text) and not _STARTS_AS_INDEX.match(text):
        return Reading("percentage", 0.97, scale="percent")
    if _BASIS_POINTS.search(text):
        return Reading("percentage", 0.9)
    money = currency_in(above)
    word = scale_in(above, money is not None)
    spelled, scale = word or (None, "raw-units")
    if money and not _INDEX.search(above):
        if line and currency_in(below) and not _PHYSICAL.search(below):
            return Reading("rate", 0.95, money, spelled, scale)
        return Reading("currency-amount", 0.95, money, spelled, scale, bare_currency=not line and scale == "raw-units")
    if _YES_OR_NO.search(text):
        return Reading("index", 0.6, scale="index")
    for pattern, kind in _KINDS:
        if pattern.search(above):
            if kind == "index":
                return Reading("index", 0.95, scale="index")
            # Heads over heads, or events over people, is a rate: births per woman, cases per 100,000.
            if kind == "count" and line and not _PERIOD.match(below):
                kind = "ratio" if _same_things(above, below) else "rate"
            return Reading(kind, 0.95, scale_word=spelled, scale=scale)
    if _MONEY_UNNAMED.search(above):
        return Reading("currency-amount", 0.8, "LCU", spelled, scale)
    if line and _HEADS_BELOW.match(below):
        return Reading("rate", 0.75 if above.strip(" ,") else 0.95, scale_word=spelled, scale=scale)
    # "Earnings per share, USD": the unit stands behind a comma.
    for part in text.split(",")[1:]:
        if (reading := read_units(part)).kind != "unknown":
            return replace(reading, sureness=reading.sureness - 0.15)
    if spelled:
        return Reading("unknown", 0.3, scale_word=spelled, scale=scale)
    return UNREAD


def _same_things(above: str, below: str) -> bool:
    return not set(_WORD.findall(above.lower())).isdisjoint(_WORD.findall(below.lower()))


def _halves(text: str) -> tuple[str, bool, str]:
    """The unit above the line, whether there is a line, and what stands below it."""
    if match := _PER.search(text):
        return text[: match.start()], True, text[match.end() :]
    return text, False, ""
