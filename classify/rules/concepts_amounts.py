"""Rules for amounts: money, numbers of things, physical quantities. Is it there at a moment, or does it happen?"""

import re

from classify.rules import vocabulary as v
from classify.rules.rulebook import Rule, kinds, words
from classify.taxonomy import IndicatorType

_MONEY = kinds("currency-amount")
_COUNT = kinds("count")
_PHYSICAL = kinds("physical")
_ANY = kinds("currency-amount count physical")
_GOODS = re.compile(
    r"(?:/|\bper) ?(?:bbl|barrel|litre|liter|gallon|gal|(?:\d+ ?)?kg|kilogram|g|lbs?|pound|bu|bushel|t|mt|tonne|"
    r"metric ton(?:ne)?|ton|t\.? ?oz|troy ounce|oz|ounce|mmbtu|btu|mwh|kwh|therm|cwt|sq\.? ?m|square met(?:er|re)|m2|"
    r"head|bale|dozen|unit|share|contract|carat|1000 board feet|packet|bag|container|day)(?!\w)",
    re.I,
)
_PRICE = words("prices?(?! (?:paid|received)), spot, futures?, cost of (?:living|a), tariffs?, fares?, rents?, fees?")
_NOT_PRICE = words(
    r"(?:constant|current|market|basic|factor|producer'?s?'?|purchasers'?|international|fixed|previous year'?s?|"
    r"chained|comparable) (?:us\$ |\d{4} )?prices, "
    r"production, exports?, imports?, stocks?, reserves?, inventor(?:y|ies), revenues?, rents \(.*, gdp"
)
_WAGE = words(
    r"wages?(?! bill), salar(?:y|ies), (?:hourly|weekly|monthly|average) (?:\w+ )?earnings, "
    r"earnings(?= per|:), labou?r costs? per.*, pay per .*"
)
_VOLUME = words(
    r"(?:trading|traded|transaction|traffic|cargo|freight|sales|market) (?:volume|value|turnover)s?, "
    r"volume of (?:\w+ )?(?:trade|trading|transactions|sales), (?:value|volume|shares|stocks) traded, "
    r"stocks traded.*, traded, "
    r"(?:(?:total|new|used) )?(?:vehicle|car|auto|truck|motorcycle|tractor|property|house) sales, "
    r"(?:(?:new|existing|pending) )?home sales, "
    r"(?:container|port|rail|air|road|freight) (?:\w+ )?(?:traffic|transport|throughput|shipments?).*, freight.*, "
    r"throughput, cargo, turnover volume, sales volume, railways\x2c.*, "
    r"(?:(?:stock )?market|equity|stock|share|bond|fx) turnover, transactions?, "
    r"goods transported.*, shipments"
)
_NET_STOCK = words(
    "net (?:foreign|domestic|international|external|financial)? ?(?:assets?|reserves?|debt|credit|worth|claims|"
    "liabilities|investment position|wealth), "
    "net domestic credit, net foreign .*assets, net open position"
)
_EVENT = words(
    "starts, permits?, claims, arrivals?, departures?, registrations?, deaths?, births?, "
    "bankruptc(?:y|ies), insolvenc(?:y|ies), completions, accidents?, cases, applications?, approvals, hires, "
    "layoffs, job cuts, separations, quits, visitors?, passengers?, carried, visits?, flights?, "
    "new (?:businesses|companies|vehicles|cars?), displaced, displacements?, foreclosures, defaults, homicides, "
    "suicides, marriages, divorces, strikes, disasters, transactions, housing, registered, payrolls?, "
    "challenger.*, infections, articles, attacks, losses, vaccinations?"
)
_PEOPLE_CHANGE = words(
    r"(?:employment|unemployment|job|jobless|claimant count|payrolls?|inventor(?:y|ies)|stocks?|population|claims|"
    r"rig count) (?:\w+ )?change, "
    r"(?:net )?change(?:s)?(?: in)?, net (?:migration|jobs?|additions?|increase|new jobs).*"
)

AMOUNTS: tuple[Rule[IndicatorType], ...] = (
    # Set against heads or land, whatever it is: a ratio.
    Rule("ratio", 0.92, "An amount for each head or unit", words(v.PER_HEAD), kinds=_ANY, unless=words("index")),
    Rule("price", 0.85, "The price of labour", _WAGE, kinds=_MONEY,
        unless=words("and salaries, payments?, total, disbursements, bill")),
    Rule("price", 0.95, "Money for a unit of goods", unit=_GOODS, kinds=_MONEY,
        unless=words("gdp, income, expenditure, spending, output")),
    Rule("ratio", 0.85, "An amount for each unit of another", anywhere=words("productivity.*, gdp per .*"),
        kinds=_MONEY),
    Rule("ratio", 0.9, "An amount for each head or unit", unit=words(v.PER_HEAD), kinds=_ANY),
    Rule("ratio", 0.75, "A quantity for each unit of another",
        unit=words("per (?!year|month|day|annum|quarter|week|hour).*"), kinds=_PHYSICAL),
    # Money.
    Rule("price", 0.88, "A price", _PRICE, kinds=_MONEY, unless=_NOT_PRICE),
    Rule("price", 0.75, "A commodity quoted in money", words(v.COMMODITY), kinds=_MONEY, values="unsigned",
        unless=words(v.FLOW, v.STOCK, "rents?"),
        unless_unit=words(".*(?:million|billion|thousand|current|constant).*")),
    Rule("price", 0.6, "A commodity quoted in money", words("spliced, spot, futures, brent, wti"),
        kinds=kinds("currency-amount unknown physical")),
    Rule("balance", 0.85, "The change of a stock", words("(?:net )?changes?(?: in)?"), kinds=_MONEY,
        unless=words("climate change.*, exchange.*")),
    Rule("stock", 0.9, "What is held on balance at a moment", _NET_STOCK, kinds=_MONEY,
        unless=words("transactions, acquisition, change")),
    Rule("stock", 0.93, "A debt outstanding", unit=words("dod, und"), kinds=_MONEY),
    Rule("balance", 0.88, "Receipts less repayments", unit=words("nfl, ntr"), kinds=_MONEY),
    Rule("flow", 0.88, "Payments of a period", unit=words(r"dis, tds, amt, int, ams, com, current us\$\x2c tds"),
        kinds=_MONEY, unless=words("outstanding")),
    Rule("stock", 0.85, "A debt outstanding", area=words("debt outstanding"), kinds=_MONEY,
        head=words(".*(?:debt|credit|loans?|bonds|creditors|banks|ibrd|ida).*")),
    Rule("stock", 0.85, "A sum at a moment", words("undisbursed, arrears, unfilled orders, backlog, outstanding"),
        kinds=_MONEY),
    Rule("volume", 0.88, "What changes hands on a market", _VOLUME, kinds=_MONEY, unless=words("revenues?")),
    Rule("flow", 0.85, "Payments of a period", words(v.DEBT_FLOW), kinds=_MONEY,
        unless=words("net flows?, net transfers?")),
    Rule("balance", 0.9, "The difference of two flows", words(v.BALANCE), kinds=_MONEY,
        unless=words("balance sheet.*, reserves, sheet, tax(?:es)? on .*")),
    Rule("balance", 0.85, "A net amount, with values below zero",
        words("net, inventor(?:y|ies), investment, flows?, credit"), kinds=_MONEY, values="signed",
        unless=words("net inflows?, foreign direct investment(?! net).*")),
    Rule("flow", 0.88, "What comes in or goes out over a period",
        words("(?:net )?(?:in|out)flows?, foreign direct investment, fdi, remittances?.*, aid, assistance.*, "
        "grants?.*, receipts, payments?"), kinds=_MONEY),
    Rule("flow", 0.85, "What is earned or spent on it over a period",
        words(r"(?:income|profits?|revenues?|earnings|interest|tax(?:es)?|taxes?) (?:on|from) .*, "
        r"(?:household|personal|government|public|consumer|disposable) \w* ?(?:income|consumption|expenditures?|"
        r"spending|outlays), "
        r"(?:net )?investment in (?:nonfinancial|fixed) assets.*, credit card spending"), kinds=_MONEY),
    Rule("stock", 0.9, "What is there at a moment", words(v.STOCK), kinds=_MONEY,
        unless=words("exports?, imports?, orders, sales, expenditure, inventory (?:investment|change), "
        "consumption")),
    Rule("price", 0.55, "What it costs to do something", words("(?:transaction )?costs? (?:to|of) .*"), kinds=_MONEY,
        unless=words("goods sold, sales, employees")),
    Rule("flow", 0.9, "What happens over a period", words(v.FLOW, "oda, official flows.*"), kinds=_MONEY),
    Rule("balance", 0.6, "Money, with values below zero", kinds=_MONEY, values="signed"),
    Rule("flow", 0.4, "Money, and nothing says that it is held", kinds=_MONEY),
    # Numbers of things.
    Rule("balance", 0.85, "The change of a number", _PEOPLE_CHANGE, kinds=_COUNT, unless=words("climate change.*")),
    Rule("balance", 0.75, "Payrolls of a month, with values below zero: their change",
        words("payrolls?, employment, jobs?, unemployment"), kinds=_COUNT, values="signed"),
    Rule("balance", 0.6, "A number with values below zero: a change", kinds=_COUNT, values="signed"),
    Rule("capacity", 0.88, "The people that could work",
        words("(?:civilian |total )?labou?r ?force, (?:economically )?active population, workforce"), kinds=_COUNT,
        unless=words("participation, with .*")),
    Rule("capacity", 0.88, "What could be produced or carried", words("capacity"), kinds=_ANY,
        unless=words("capacity utili[sz]ation")),
    Rule("stock", 0.9, "People or things there at a moment",
        words("populations?(?! (?:change|covered)), inhabitants, refugees?, "
        "(?:housing|vehicle|dwelling|migrant|livestock) stocks?, inventor(?:y|ies), stocks?(?! market), fleet"),
        kinds=_COUNT),
    Rule("volume", 0.88, "Units sold or traded", _VOLUME, kinds=_COUNT,
        unless=words(r"passengers? .*, railways\x2c passengers.*")),
    Rule("volume", 0.7, "Units sold or traded", words("sales, trading, volume"), kinds=_COUNT),
    Rule("volume", 0.8, "Shares that changed hands",
        unit=words("(?:million |thousand )?shares, contracts, lots, teu.*"), kinds=kinds("count physical unknown")),
    Rule("flow", 0.8, "Units made over a period",
        words("production, output, produced, manufactured, slaughter(?:ed)?, exports?, imports?"), kinds=_COUNT),
    Rule("count", 0.85, "Events of a period, counted", _EVENT, kinds=_COUNT),
    Rule("count", 0.78, "A number of people or things", kinds=_COUNT),
    # Physical quantities.
    Rule("balance", 0.85, "The change of a stock", words("(?:net )?changes?(?: in)?, builds?, draws?"),
        kinds=_PHYSICAL),
    Rule("balance", 0.65, "A quantity with values below zero: a change", kinds=_PHYSICAL, values="signed",
        unless=words("temperature")),
    Rule("volume", 0.85, "Goods carried or traded", _VOLUME, kinds=_PHYSICAL),
    Rule("volume", 0.7, "Goods sold", words("sales"), kinds=_PHYSICAL),
    Rule("flow", 0.88, "What is produced, used or released over a period",
        words("production, output, consumption, emissions?, generation, generated, withdrawals?, exports?, "
        "imports?, demand, supply, use, usage, catch, harvest, refinery.*, rainfall, precipitation, produced, "
        "runs, deliveries, processed, depletion, crush"), kinds=_PHYSICAL,
        unless=words("exposure, (?:land|area) under .*")),
    Rule("stock", 0.85, "What is there at a moment",
        words("stocks?, inventor(?:y|ies), reserves?, land, "
        "(?:forest|surface|protected|crop|cultivated|harvested|planted) ?area, area, resources, storage, "
        "stockpiles?, lines?, network, roads?, routes?"), kinds=_PHYSICAL, unless=words("rail ?lines.*production")),
    Rule("price", 0.6, "A commodity, quoted", words("spot, prices?, spliced"), kinds=_PHYSICAL),
    Rule("stock", 0.35, "A state of nature, read at a moment",
        words(r"temperature, level, height, exposure, concentration, pm2\.5"), kinds=_PHYSICAL),
    Rule("flow", 0.5, "A physical quantity", kinds=_PHYSICAL),
)  # fmt: skip
"""Money, numbers, physical quantities."""
