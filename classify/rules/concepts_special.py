"""Rules that hold whatever the unit: concepts with names of their own (probability, elasticity, exchange rate …)."""

import re

from classify.rules import vocabulary as v
from classify.rules.rulebook import Rule, kinds, words
from classify.taxonomy import IndicatorType

_CONSUMER = words(
    r"(?:consumer|household|investor|buyer|customer)s? (?:\w+ )?(?:sentiment|confidence|optimism|expectations|"
    r"morale|climate), "
    r"(?:sentiment|confidence|optimism) (?:of|among) (?:consumer|household|investor)s?, "
    r"consumer (?:sentiment|confidence).*, "
    r"(?:michigan|gfk|westpac) (?:\w+ )?(?:sentiment|confidence|expectations|conditions), "
    r"michigan current conditions, economic optimism, happiness survey, life satisfaction, "
    r"(?:public|market) sentiment, bull(?:ish)? bear(?:ish)?"
)
_FX = words(
    "(?:fx|forex|foreign exchange|exchange|conversion|parallel|black market|cross) rates?, "
    "conversion factor, ppp conversion.*, implied ppp.*, price level ratio of ppp.*, "
    "(?:usd|eur|gbp|jpy|chf|cny|aud|cad|nzd)/? ?(?:usd|eur|gbp|jpy|chf|cny|aud|cad|nzd|[A-Z]{3}), spot rate, "
    "currency pair, official rate, dollar to [a-z]+"
)

SPECIAL: tuple[Rule[IndicatorType], ...] = (
    Rule("probability", 0.95, "A likelihood",
        words("probabilit(?:y|ies), likelihood, odds, lifetime risk, chance of")),
    Rule("correlation", 0.95, "A correlation", anywhere=words("(?:auto)?correlations?, covariance")),
    Rule("elasticity", 0.95, "An elasticity", anywhere=words("elasticit(?:y|ies)")),
    Rule("multiplier", 0.93, "A multiplier", anywhere=words("multipliers?")),
    Rule("volatility", 0.93, "A measure of how much prices move",
        words("(?:historical |implied |realized )?volatility(?: index)?, vix, standard deviation, vstoxx, vxn, "
        "move index")),
    Rule("gap", 0.9, "A distance from a potential or target",
        words("(?:output|inflation|credit|unemployment|employment|gdp|credit-to-gdp|savings? investment|financing|"
        "price) gap, "
        "deviation from .*")),
    Rule("gap", 0.55, "A distance between two levels", words("gap"), unless=words("poverty gap.*"),
        unless_unit=words("index")),
    Rule("threshold", 0.9, "A line that is set, not measured",
        words(r"thresholds?, (?:international|national|societal) poverty lines?(?= in| per|$|\x2c), "
        r"retirement age.*, pension(?:able)? age, debt ceiling, legal limit, (?:inflation|deficit) target, "
        r"lending limit, (?:minimum|legal) age.*"), unless=words("headcount.*, below .*, gap"),
        kinds=kinds(
        "currency-amount percentage duration count index unknown ratio physical rate")),
    Rule("allocation", 0.9, "How a portfolio is divided", words("allocations?"),
        unless=words("sdrs?, special drawing.*, imf.*, index, rating, score")),
    Rule("allocation", 0.85, "How a portfolio is divided",
        unit=words(r"(?:%|percent|share) of (?:\w+ )?(?:portfolios?|assets under management)")),
    Rule("rate", 0.93, "What people expect prices to do over a year",
        words("inflation expectations?.*, expected inflation"), kinds=kinds("percentage unknown rate")),
    Rule("sentiment", 0.93, "How consumers or investors feel", _CONSUMER, unless=words(v.GROWTH, "change, credit, "
        "spending, prices?")),
    Rule("index", 0.85, "A balance of opinion of firms",
        words("(?:business|industrial|industry|manufacturing|services?|construction|retail|employers?|ceo|"
        "trade) (?:climate|confidence|sentiment|optimism|morale), "
        "(?:manufacturing|services?|composite|construction|global)? ?pmi, economic sentiment"),
        unless=words("yoy, growth, mom")),
    Rule("index", 0.8, "Production without a unit: an index of it",
        words("industrial production.*, (?:manufacturing|mining) production.*, ip(?: index)?, "
        "production in industry.*"), unless=words(v.GROWTH, "change"), unless_unit=re.compile(r"\w|%"),
        values="unsigned", kinds=kinds("physical index unknown")),
    Rule("index", 0.9, "Inequality on a fixed scale", words("gini.*, theil.*, palma.*, human development ind.*")),
    Rule("price", 0.93, "The price of one currency in another", _FX, unless=words(v.GROWTH, "reserves?, "
        "effective.*, index, volatility, pass-through"),
        kinds=kinds("rate ratio currency-amount unknown physical percentage index"),
        unless_unit=words(r"index.*, \d{4} ?= ?100, %")),
    Rule("price", 0.85, "The price of one currency in another",
        unit=words("(?:lcu|local currency(?: units?)?|national currency(?: units?)?) per .*")),
    Rule("price", 0.7, "A currency quoted in money", words("currency"),
        unless=words("reserves?, debt, deposits, circulation, loans, bonds, composition, in foreign.*"),
        kinds=kinds("currency-amount rate unknown"), values="unsigned",
        unless_unit=words(".*(?:million|billion|thousand).*, current, constant")),
)  # fmt: skip
"""Concepts that a name alone settles."""
