"""Stage 1, normalize: what the units say. Scale, kind of unit and currency, read off without asking anyone."""

import re
from dataclasses import replace

from classify.indicator import Indicator
from classify.rules.currencies import CODES, LOCAL
from classify.rules.scales import scale_column
from classify.rules.text import any_of
from classify.rules.units import UNREAD, Reading, read_units
from classify.stages.base import Confidence, Findings, Question, StageResult
from classify.taxonomy import NormalizedScale, UnitType


class Normalization(StageResult):
    """The units of an indicator, parsed."""

    original_units: str | None
    parsed_scale: str | None
    """The word for the scale as the source writes it (`bn`, `Millions`), if it writes one."""
    normalized_scale: NormalizedScale
    parsed_unit_type: UnitType
    parsed_currency: str | None
    """ISO 4217 code; `LCU` for an unnamed national currency; None where no money is measured."""
    parsing_confidence: Confidence


def is_currency_denominated(normalization: Normalization) -> bool:
    """Whether the values are amounts of money. An exchange rate is a price, not an amount: no."""
    return normalization.parsed_unit_type == "currency-amount"


_TRAILING_BRACKET = re.compile(r"\s*[(\[](?P<inside>[^()\[\]]*(?:\([^()]*\)[^()\[\]]*)*)[)\]]\s*$")
_TAIL = re.compile(r"(?:,|;|:| [-–—])\s+(?P<tail>[^,;:–—]{1,40})$")

_MONEY = r"(?:(?i:dollar|euro|pound|yen|rupee|naira|peso|lira|rand|shilling|cedi)|[A-Z]{3})"
_EXCHANGE_RATE = re.compile(
    r"\b(?i:(?:fx|forex|exchange|parallel|spot|cross|conversion) rates?|parity|conversion factor|currency pair)\b"
    rf"|\b[A-Z]{{3}} ?/ ?[A-Z]{{3}}\b"
    rf"|\b{_MONEY} (?:to|vs\.?|versus|against|per) (?:the |one )?(?:[\w.]+ ){{0,2}}{_MONEY}\b"
)
_CONVERTED_AT = re.compile(
    r"\b(?:at|using|converted|gain|loss|due to)\b[^()]{0,30}\b(?:exchange|conversion) rates?\b", re.I
)

# What the words of a name say where no unit is written: the first that matches wins.
_WORDS: tuple[tuple[UnitType, str], ...] = (
    (
        "ratio",
        r"""months of imports, import cover, (?:debt|credit|loans?|deposits?|spending|revenues?|price) to \w+
        ratio(?!.*rate), (?:inventor(?:y|ies)|reserves?) to \w+, price earnings, p/e, multiplier, elasticity
        correlation, beta""",
    ),
    (
        "rate",
        r"""(?:birth|death|fertility|mortality|suicide|homicide|crime) rate
        per [\d\x2c]+ (?:people|persons|inhabitants|sq\.? km)""",
    ),
    (
        "percentage",
        r"""proportion, prevalence, incidence of, percent(?:age)?, share of, as a share, utili[sz]ation, yoy, mom
        qoq, growth, year (?:on|over) year, annuali[sz]ed, inflation""",
    ),
    (
        "index",
        r"""deflator, ind(?:ex|ices), [cp]pi, hicp, pmi, ip(?=:), vix, volatility, sentiment, confidence, climate
        expectations, score, rank(?:ing)?, rating""",
    ),
    ("percentage", r"yields?, rates?, spread, probability, t bill, treasury bill, libor, sofr, euribor, minus"),
    ("duration", r"duration, (?:weekly|overtime|working) hours, lead time, time (?:required|to \w+), life expectancy"),
    ("currency-amount", "loans?, credit, mortgages? outstanding"),
    (
        "count",
        r"""number, population, persons, people, employe(?:d|es?), employment, labou?r force, unemployed, claims
        starts, permits, payrolls?, vacanc(?:y|ies), openings, arrivals?, departures?, registrations?, personnel
        pupils?, teachers, subscriptions?, applications?, children, adults, deaths, births, species, passengers
        migra(?:nts?|tion), companies, servers, articles, machinery, vehicles?, home sales, cases, tourists?
        branches, households, visitors?""",
    ),
    (
        "currency-amount",
        r"""sales, orders, inventor(?:y|ies), money, m[0-4], reserves?, debt, deposits?, gdp
        gross (?:domestic|national) \w+, gni, income, expenditures?, exports?, imports?, trade balance
        current account, revenues?, spending, budget, earnings, wages?, salar(?:y|ies), prices?, assets, liabilities
        monetary base, investments?, consumption, remittances, securities, profits?, capital, crude oil, dollars?
        funds?, tax(?:es)?, costs?, subsid(?:y|ies), balance, equity, flows?, turnover, deficit, surplus""",
    ),
    ("physical", "production, output, rainfall, precipitation, temperature, emissions, generation"),
)
_NAME_WORDS = tuple((any_of(words), kind) for kind, words in _WORDS)


def normalize(indicator: Indicator, findings: Findings) -> Normalization:
    """Read the units; where they are missing or a mere remark, the name's last brackets, its tail, then its words."""
    units = (indicator.units or "").strip()
    written = read_units(units) if units else UNREAD
    reading = written if written.kind != "unknown" else _from_name(indicator.name, written)
    code = _code(indicator.currency_code)

    if reading.kind == "unknown" and code:
        reading = replace(written, kind="currency-amount", currency=code, sureness=0.7)
    elif reading.sureness <= _WORDS_SURENESS and code and reading.kind in ("count", "physical", "currency-amount"):
        reading = replace(reading, kind="currency-amount", currency=code, sureness=0.75)
    if reading.kind == "unknown" and written.scale_word:
        reading = replace(written, kind="count", sureness=0.35)
    if _is_exchange_rate(indicator.name, reading):
        reading = replace(reading, kind="rate", sureness=0.9)

    column = scale_column(indicator.scale)
    word, scale, sureness = reading.scale_word, reading.scale, reading.sureness
    if word is None and column is not None:
        word = column[0]
        scale = column[1] if scale == "raw-units" else scale
    elif column is not None and column[1] != scale and scale not in ("percent", "index"):
        sureness -= 0.3
    currency = reading.currency if reading.kind in ("currency-amount", "rate") else None
    if currency and code and currency != code:
        # Who names no country's money ("LCU", "Rs") is completed by the column; who names another is doubtful.
        sureness -= 0.0 if currency == LOCAL else 0.2
        currency = code if currency == LOCAL else currency
    return Normalization(
        original_units=indicator.units,
        parsed_scale=word,
        normalized_scale=scale,
        parsed_unit_type=reading.kind,
        parsed_currency=currency,
        parsing_confidence=round(min(max(sureness, 0.05), 0.97), 2),
    )


_WORDS_SURENESS = 0.5


def _code(text: str | None) -> str | None:
    code = (text or "").strip().upper()
    return code if code in CODES or code == LOCAL else None


def _from_name(name: str, written: Reading) -> Reading:
    rest = name
    while bracket := _TRAILING_BRACKET.search(rest):
        reading = read_units(bracket["inside"])
        if reading.kind != "unknown":
            return replace(reading, sureness=reading.sureness - 0.1)
        rest = rest[: bracket.start()]
    if tail := _TAIL.search(rest):
        reading = read_units(tail["tail"])
        if reading.kind in ("percentage", "currency-amount", "physical", "rate"):
            return replace(reading, sureness=reading.sureness - 0.25)
    if _EXCHANGE_RATE.search(rest):
        return replace(written, kind="rate", sureness=0.7)
    for pattern, kind in _NAME_WORDS:
        if pattern.search(rest):
            scale: NormalizedScale = (
                "percent" if kind == "percentage" else "index" if kind == "index" else written.scale
            )
            currency = LOCAL if kind == "currency-amount" else None
            return replace(written, kind=kind, sureness=_WORDS_SURENESS, scale=scale, currency=currency)
    return UNREAD if written.kind == "unknown" and not written.scale_word else written


def _is_exchange_rate(name: str, reading: Reading) -> bool:
    """Whether a bare currency ("XOF") is the price of another currency rather than an amount of this one."""
    if reading.kind != "currency-amount" or not reading.bare_currency:
        return False
    return bool(_EXCHANGE_RATE.search(name)) and not _CONVERTED_AT.search(name)


STAGE = Question(name="normalize", table="normalization_results", result=Normalization, rules=normalize)
"""The stage."""
