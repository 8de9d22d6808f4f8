"""What kind of thing an indicator measures, by the words of its name: a movement, a stock, a price, a flow …

Units alone do not say it: "USD billions" is a debt or a year's exports. The stages that depend on the difference
(time basis, accumulation) ask here, so that they cannot disagree.
"""

from functools import lru_cache
from typing import Literal

from classify.rules.text import any_of
from classify.taxonomy import UnitType

Kind = Literal["change", "index", "price", "stock", "duration", "probability", "balance", "flow", "count", "unknown"]

# The first rule that matches wins. What qualifies stands before what it qualifies: the growth of a stock is a change,
# a price index is an index, the change in reserves is a flow.
_WORDS: tuple[tuple[Kind, str], ...] = (
    (
        "change",
        r"""growth, inflation, yoy, mom, qoq, wow, y/y, m/m, q/q, (?:% |percent |percentage )change
        year (?:on|over) year, annual %, annuali[sz]ed, returns?(?! on)""",
    ),
    ("flow", "(?:trading|sales|trade|traffic|transaction) volumes?, volume of"),
    ("probability", "probabilit(?:y|ies), likelihood, odds"),
    ("duration", "duration, life expectancy, time (?:required|to), (?:weekly|working|overtime) hours, lead time"),
    (
        "index",
        r"""ind(?:ex|ices), [cp]pi, hicp, pmi, vix, ip(?=:), sentiment, confidence, score, climate, expectations
        volatility, deflator, rank(?:ing)?""",
    ),
    (
        "price",
        r"""(?:exchange|fx|interest|policy|lending|deposit|discount|repo|mortgage|funds|libor|overnight|prime) rates?
        financing rate, treasury (?:bill|rate), paper rate, yields?, spread, minus, libor, sofr, euribor, tariff
        prices?(?! (?:paid|received)), spot, futures, fares?, wages?, salar(?:y|ies), parity, conversion factor
        (?:hourly|weekly) earnings, poverty (?:line|threshold)""",
    ),
    (
        "flow",
        r"""changes? in (?:inventor|stock|reserve|net|deposit)\w*, net (?:lending|acquisition|incurrence)
        principal payments?, debt (?:service|repayments?|issuance|buyback|forgiveness), interest payments?
        (?:dis|re)bursements?, remittances, (?:in|out)?flows?, commitments?, amorti[sz]ation
        new (?:loans?|deposits?|credit|orders?|lending)""",
    ),
    (
        "balance",
        r"""balances?, surplus, deficit
        net (?:exports?|trade|migration|financial|capital|errors|primary|secondary|investment)""",
    ),
    (
        "stock",
        r"""stocks?, outstanding, reserves?, debts?, assets?, liabilit(?:y|ies), population, labou?r force
        employment(?! change), employees, (?:un)?employed, loans?, credits?, deposits?, inventor(?:y|ies), money
        monetary base, m[0-4], capacity, holdings?, allocation, subscri(?:bers?|ptions?), users, land area
        forest area, number of (?:banks|branches|rigs), rig count, capitali[sz]ation, positions?, unfilled orders
        backlog, vacanc(?:y|ies), personnel, pupils?, teachers?, living with, fleet, undisbursed, arrears""",
    ),
    (
        "count",
        r"""starts, permits, claims, arrivals?, departures?, registrations?, cases, deaths, births, applications?
        openings, hires, payrolls?, employment change, number of""",
    ),
    (
        "flow",
        r"""exports?, imports?, sales, revenues?, expenditures?, expenses?, gdp, gni, income
        gross (?:domestic|national), product(?:ion)?, output, consumption, investments?, tax(?:es)?, orders, receipts
        payments?, spending, value added, capital formation, savings?, turnover, volumes?, grants?, transfers?
        generation, emissions?, borrowings?, budget, proceeds, purchases?, issuance, deliver(?:y|ies), shipments?
        traffic""",
    ),
)
_RULES = tuple((kind, any_of(words)) for kind, words in _WORDS)
_VALUATION = any_of(r"(?:constant|current|market|basic|factor|producers?'?|purchasers?'?|\d{4}) prices")


@lru_cache(maxsize=65_536)
def kind_of(name: str) -> Kind:
    """The kind of thing that `name` says; `unknown` where its words say nothing."""
    measured = _VALUATION.sub("", name)
    return next((kind for kind, words in _RULES if words.search(measured)), "unknown")


FLOWLIKE: frozenset[Kind] = frozenset({"flow", "balance", "count"})
"""The kinds whose values can be added up."""

ADDITIVE_UNITS: frozenset[UnitType] = frozenset({"currency-amount", "count", "physical", "unknown"})
"""The units whose values can be added up: a percentage, an index or a price never can."""
