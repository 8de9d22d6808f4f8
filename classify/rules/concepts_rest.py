"""Rules for indices, ratios, rates per something and durations; and, by words alone, for what has no unit at all."""

from classify.rules import vocabulary as v
from classify.rules.rulebook import Rule, kinds, words
from classify.taxonomy import IndicatorType

_INDEX = kinds("index")
_UNKNOWN = kinds("unknown")

REST: tuple[Rule[IndicatorType], ...] = (
    Rule("rate", 0.8, "The change of an index", words(v.GROWTH), kinds=_INDEX,
        unless=words("inflation, ind(?:ex|ices), growth opportunit.*, rating")),
    Rule("ratio", 0.75, "One quantity set against another", words(r"ratios?, price to \w+"), kinds=_INDEX,
        unless=words("ind(?:ex|ices)")),
    # Some would call a price index the price level, and so a price: hence less sure.
    Rule("index", 0.85, "An index of prices", words("prices?, cpi, ppi, hicp, deflator"), kinds=_INDEX),
    Rule("index", 0.93, "An index of activity or opinion",
        words("ind(?:ex|ices), pmi, confidence, climate, expectations, score, "
        "rating, indicator, terms of trade, gauge, ip, barometer", v.SURVEY), kinds=_INDEX),
    Rule("index", 0.85, "Values in points or against a base", kinds=_INDEX),
    Rule("count", 0.4, "A ratio in name only", words("number of .*"), kinds=kinds("ratio")),
    Rule("ratio", 0.93, "One quantity set against another", kinds=kinds("ratio")),
    Rule("ratio", 0.85, "Events or amounts for each head or unit", kinds=kinds("rate")),
    Rule("ratio", 0.85, "How long a stock would last",
        words("(?:import|reserve)s? cover(?:age)?, (?:months|days|weeks) of .*, .*in months of imports"),
        kinds=kinds("duration unknown count")),
    Rule("duration", 0.92, "A length of time", kinds=kinds("duration")),
    # No unit was given or found.
    Rule("ratio", 0.7, "Set against heads", unit=words(v.PER_HEAD), kinds=_UNKNOWN),
    Rule("index", 0.6, "Named an index", words("ind(?:ex|ices), pmi, score, rating, deflator"), kinds=_UNKNOWN),
    Rule("balance", 0.6, "The difference of two flows", words(v.BALANCE), kinds=_UNKNOWN),
    Rule("price", 0.6, "A price", words("prices?, spot", v.COMMODITY), kinds=_UNKNOWN, unless=words(v.FLOW, v.STOCK)),
    Rule("percentage", 0.5, "A rate by name", words("rates?, percent(?:age)?, proportion, prevalence, coverage"),
        kinds=_UNKNOWN),
    Rule("ratio", 0.6, "A ratio by name", words("ratios?", v.PER_HEAD), kinds=_UNKNOWN),
    Rule("volume", 0.5, "A volume by name", words("volumes?, traffic, freight"), kinds=_UNKNOWN),
    Rule("capacity", 0.6, "A capacity by name", words("capacity, labou?r force"), kinds=_UNKNOWN),
    Rule("stock", 0.6, "What is there at a moment", words(v.STOCK, "population, area"), kinds=_UNKNOWN),
    Rule("flow", 0.6, "What happens over a period", words(v.FLOW), kinds=_UNKNOWN),
    Rule("count", 0.5, "A number of people or things",
        words("number, employe(?:es|d), unemployed, employment, starts, permits, claims, companies, arrivals, "
        "workers, persons, deaths, births, cases, schools?, procedures, vacancies, openings, subscri.*, users, "
        "servers, households"), kinds=_UNKNOWN),
    Rule("rate", 0.35, "Small values, some below zero, and no unit: a change", kinds=_UNKNOWN, values="signed"),
    Rule("index", 0.3, "Values and no unit", kinds=_UNKNOWN, values="unsigned"),
    Rule("other", 0.2, "Neither words, units nor values say what it is", kinds=_UNKNOWN),
)  # fmt: skip
"""Whatever the other tables leave."""
