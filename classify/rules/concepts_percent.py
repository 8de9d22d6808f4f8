"""Rules for percentages: a growth rate, an interest rate, a share, a ratio to GDP, or a plain percentage.

"Retail Sales" in percent is a growth rate though no word says so: a level has no percentage. "Revenue" in percent of
GDP is still a flow; a debt in percent of GDP is a ratio.
"""

from classify.rules import vocabulary as v
from classify.rules.rulebook import Rule, kinds, words
from classify.taxonomy import IndicatorType

_PERCENT = kinds("percentage")
_LOOSE = kinds("percentage unknown rate")
_OF_GDP = words(
    r"(?:%|per ?cent(?:age)?|share) of (?:\w+ ){0\x2c3}(?:gdp|gni|gross domestic product|gnp|gross national income), "
    r"% gdp, gdp ratio"
)
_OF = words("(?:%|per ?cent(?:age)?|share|proportion|fraction) (?:of|out of|in) .*")
_OF_GDP_HEAD = words("(?:to|over|/|vs) ?(?:nominal )?(?:gdp|gni), -to-gdp, (?:% of|percent of|/) ?gdp")
_CONDITION = words(
    r"(?:un|under)?employment(?: rate)?, unemployed, jobless(?:ness)?(?: rate)?, participation(?: rate)?, "
    r"(?:capacity )?utili[sz]ation(?: rate)?, operating rate, vacanc(?:y|ies)(?: rate)?, "
    r"(?:home)?ownership(?: rate)?, literacy(?: rate)?, enrol?l?ment(?: rate)?, prevalence, incidence, access to, "
    r"coverage, povert?y(?: rate)?, headcount, immuni[sz]ation, completion(?: rate)?, attendance, "
    r"(?:divorce|dropout|drop-out|repetition|persistence|survival|transition|progression|default|delinquency|"
    r"foreclosure|occupancy|penetration|quit|layoff|hire|charge-off|savings?|saving|vaccination|positivity|activity|"
    r"dependency|replacement|success|retention|homeownership|suicide|migration|urbani[sz]ation|inactivity|"
    r"turnover) rates?, "
    r"personal savings?, household savings?, unmet need, (?:net|gross) intake, using, living, receiving, "
    r"risk of .*, out of school, over-age.*, repeaters.*, open defecation.*, attainment, "
    r"non-?performing.*, forecast margin"
)
_TAX = words(
    "tax rates?(?:.*)?, "
    "(?:corporate|personal|income|sales|withholding|capital gains|value added|profit|labor) tax(?: rate)?(?:.*)?, "
    "vat, vat rate, tariff(?: rate)?s?.*, social security rate.*, (?:contribution|duty|excise) rates?.*, "
    "tax and contributions"
)
_RATIO = words(
    r"ratios?, "
    r".+ to (?:total )?(?:gross )?(?:gdp|income|assets?|sales|deposits?|capital|revenue|equity|loans?|exports?|"
    r"imports?|reserves?|price|rent|earnings), "
    r"coverage ratio, (?:loan|debt) to \w+, debt service, (?:short-term|external|total) debt, capital adequacy, "
    r"leverage, reserve requirements?, return on (?:assets|equity), import cover, per capita"
)

PERCENT: tuple[Rule[IndicatorType], ...] = (
    Rule("rate", 0.95, "A percent change over time", words(v.GROWTH), kinds=_LOOSE,
        unless=words("inflation (?:linked|indexed|protected).*, spread, interest rate.*, opportunity.*")),
    Rule("rate", 0.95, "A percent change over time", unit=words(v.GROWTH_UNIT), kinds=_LOOSE, unless=words(v.INTEREST,
        v.YIELD)),
    Rule("rate", 0.9, "A change in percent", words("changes?"), unless=words("climate change.*"), kinds=_PERCENT,
        unless_unit=_OF),
    Rule("rate", 0.75, "A contribution to growth", words("contributions? to"), kinds=_PERCENT),
    Rule("spread", 0.93, "The difference of two rates", words(v.SPREAD),
        kinds=kinds("percentage unknown index rate ratio")),
    Rule("yield", 0.93, "What a security returns", words(v.YIELD), kinds=kinds("percentage unknown index"),
        unless=words("holdings?, outstanding, purchases, auction amount")),
    Rule("price", 0.93, "The price of money", words(v.INTEREST), kinds=_LOOSE, unless=words(v.GROWTH, "tax.*, "
        "balances?, outstanding"), unless_unit=_OF),
    Rule("percentage", 0.92, "A rate set by law", _TAX, kinds=_PERCENT, unless=words("revenues?, receipts, shares?"),
        unless_unit=words(".*(?:gdp|revenue|taxes|gni).*")),
    Rule("percentage", 0.9, "A part of those it could concern",
        words("(?:un|under)?employment(?: rate)?, participation(?: rate)?, "
        "(?:capacity )?utili[sz]ation(?: rate)?"), kinds=_PERCENT, unless=words(v.GROWTH, "change, "
        "employment in .*, share .*, employment to population.*, .*ratio.*, employment index")),
    Rule("index", 0.7, "A balance of opinion, in percent",
        words("outlook, net balance, prices? balance, industrial trends.*"), kinds=_PERCENT,
        unless=words(v.GROWTH, "change")),
    Rule("index", 0.72, "An index, published in percent", words("ind(?:ex|ices), pmi"), kinds=_PERCENT,
        unless=words(v.GROWTH, "change")),
    Rule("ratio", 0.85, "An amount for each head, set against income",
        anywhere=words("per (?:student|capita|person|worker|household).*"), kinds=_PERCENT, unless=words(v.GROWTH)),
    # Of GDP: what is said of the part decides.
    Rule("share", 0.9, "A part of a whole", words("(?:as )?(?:a )?shares? (?:of|in), share"),
        kinds=kinds("percentage ratio unknown"), unless=words("prices?, per share.*", v.GROWTH)),
    Rule("ratio", 0.88, "A quantity set against GDP", _OF_GDP_HEAD, kinds=kinds("percentage ratio unknown index"),
        unless=words(v.GROWTH)),
    Rule("balance", 0.72, "A difference that can fall below zero, scaled by GDP", words(v.BALANCE), unit=_OF_GDP,
        kinds=_PERCENT, unless=words("deficit target.*")),
    Rule("flow", 0.6, "Flows, scaled by GDP", words("(?:foreign direct|portfolio) investment.*", v.DEBT_FLOW,
        "remittances.*"), unit=_OF_GDP, kinds=_PERCENT),
    Rule("share", 0.6, "A sector's part of GDP", words("value added"), unit=_OF_GDP, kinds=_PERCENT),
    Rule("ratio", 0.75, "A stock set against GDP", words(v.STOCK), unit=_OF_GDP, kinds=_PERCENT,
        unless=words("expenditure, payments?, revenue")),
    Rule("flow", 0.72, "A flow, scaled by GDP", words(v.FLOW), unit=_OF_GDP, kinds=_PERCENT),
    Rule("ratio", 0.5, "A quantity set against GDP", unit=_OF_GDP, kinds=_PERCENT),
    # Of something else.
    Rule("percentage", 0.85, "A part of those it could concern", _CONDITION, kinds=_PERCENT,
        unless=words("employment (?:in|to) .*, ratios?(?<!headcount ratio), turnover ratio, share, .*change.*, "
        "loans? to .*")),
    Rule("ratio", 0.85, "One quantity set against another", _RATIO, kinds=_PERCENT),
    Rule("share", 0.75, "Parts of one whole",
        words("exports?, imports?, employment in .*, land, population, expenditures?, "
        "(?:self-|wage and salaried |contributing |vulnerable |part time )?(?:employed|workers?|employment|"
        "employers), "
        "consumption, production, (?:tax|taxes|revenue|customs)(?: .*)?, energy, electricity, value added, "
        "industr(?:y|ies), services?, labou?r force, composition, withdrawals?, emissions?, "
        "compensation of employees, interest payments, subsidies.*, grants.*, expense, trained teachers.*, "
        "multilateral.*, concessional.*, food.*, income held, fuel.*"), unit=_OF, kinds=_PERCENT,
        unless=words("rate, access, using, with, without, growth, mortality, unemployment")),
    Rule("ratio", 0.6, "One quantity set against another",
        unit=words(r"(?:%|per ?cent) of (?:\w+ ){0\x2c3}(?:exports|reserves|debt|imports|revenues?|assets|deposits|"
        r"income|capita|profits?|loans|capital|expenditure)"),
        kinds=_PERCENT, unless=words("firms?, people, women")),
    Rule("percentage", 0.8, "A part of a whole", unit=_OF, kinds=_PERCENT),
    # Of nothing: the level that the name speaks of has no percentage, its change has.
    Rule("rate", 0.9, "A level published in percent, with values below zero: its percent change", words(v.LEVEL),
        kinds=_PERCENT, values="signed"),
    Rule("rate", 0.7, "Values in percent that fall below zero: a change", kinds=_PERCENT, values="signed",
        unless=words("margin, rate, return, balance, gap")),
    Rule("rate", 0.85, "A level published in percent, with small values: its percent change", words(v.LEVEL),
        kinds=_PERCENT, values="small",
        unless=words("rate, savings?, ratio, non-?performing, composition, margin, time.*, firms, women, use, "
        "using, losses, percent, school, deliver(?:y|ies)")),
    Rule("spread", 0.5, "A difference in percentage points",
        unit=words("percentage points?, basis points?, bps, pp"), kinds=_PERCENT),
    Rule("percentage", 0.75, "A rate in percent", words("rates?, savings?, percent(?:age)?, proportion"),
        kinds=_PERCENT),
    Rule("percentage", 0.6, "A percentage", kinds=_PERCENT),
)  # fmt: skip
"""Percentages, and growth and interest rates whose unit was left out."""
