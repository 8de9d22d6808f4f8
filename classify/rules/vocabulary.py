"""The words of economic statistics by what they measure, shared by the rules of family, type and orientation.

Lists with commas, each word a regular expression, as `text.any_of` reads them; a blank may be a hyphen too.
"""

GROWTH = (
    "yoy, mom, qoq, wow, [ymq]/[ymq], growth, (?:dis)?inflation, deflation, annuali[sz]ed, "
    "(?:year|month|quarter|week) (?:on|over|to) (?:year|month|quarter|week), 3m/3m, ytd growth, "
    "(?:per ?cent(?:age)?|pct|%|rate of|annual) change, annual (?:average )?(?:percent|rate of), total returns?"
)
"""Words for a movement over time, relative to what was."""

GROWTH_UNIT = (
    r"annual %, % ?(?:annual |yearly )?growth, (?:per ?cent(?:age)?|pct|%)\.? ?(?:annual )?change, "
    r"annual growth.*, (?:%|per ?cent) ?(?:yoy|mom|qoq|y/y|m/m|q/q|annuali[sz]ed|saar|p\.?a\.?), yoy, mom, qoq, "
    r"[ymq]/[ymq], change (?:from|on|over), annual per ?cent(?:age)?, growth rate, year on year, growth"
)

BALANCE = (
    r"(?<!debt )(?<!loan )(?<!card )(?<!deposit )(?<!debt and )balances?(?! (?:of (?:debt|credit)|sheet)), "
    r"surplus(?:es)?, deficits?, current account, capital account, financial account, net (?:lending|borrowing), "
    r"net (?:financial )?flows?, net (?:resource )?transfers?, net exports?, net trade, net errors?, "
    r"errors and omissions, net migration, net purchases?, "
    r"net (?:primary|secondary|factor|investment)? ?income(?= from abroad|$|\x2c), capital flows?, tic flows, "
    r"tic, budget(?! (?:revenue|expenditure|spending)), changes? in, net change, change, "
    r"net (?:issuance|buying|capital), net acquisition, net incurrence, "
    r"foreign (?:bond|stock|equity) (?:investment|purchases), "
    r"(?:foreign direct|portfolio) investment\x2c net(?! (?:in|out)flows?), net .{0\x2c30}transactions?, "
    r"net (?:foreign )?borrowing"
)
"""What can be above and below zero: the difference of two flows, or the change of a stock."""

DEBT_FLOW = (
    "debt service, (?:interest|principal|debt) (?:re)?payments?, repayments?, repurchases, (?:dis|re)bursements?, "
    "commitments?, amorti[sz]ations?, debt (?:forgiveness|buyback|issuance|reduction|sales?), "
    "(?:bond|debt|new) issu(?:es|ance), rescheduled, charges, debt forgiven, purchases and repurchases, "
    r"interest forgiven, new (?:\w+ )?(?:loans|lending|credit), "
    "(?:loan|credit|mortgage|debt) (?:originations?|approvals|applications), "
    "mortgage (?:approvals|applications|lending)"
)
"""Flows that speak of a stock: what is paid on a debt or newly lent."""

STOCK = (
    "debts?, reserves?, m[0-4], (?:narrow|broad|base|quasi|reserve) money, money (?:supply|stock), monetary base, "
    "monetary aggregate, assets?, liabilit(?:y|ies), balance sheet, "
    "(?:bank |consumer |domestic |private )?credits?, loans?, deposits?, inventor(?:y|ies), "
    "stocks?(?! (?:market|traded|exchange|price|index|turnover)), stockpiles?, outstanding, holdings?, wealth, "
    "capitali[sz]ation, market cap, net worth, arrears, undisbursed, claims on, "
    "international investment position, mortgages?, leases, backlog, unfilled orders, currency in circulation, "
    "notes in circulation, use of imf credit, sdrs?, special drawing rights, gold holdings, securities in, bonds, "
    "equity capital, assets under management, borrowings, overdrafts?, cash in"
)
"""What is there at a moment."""

FLOW = (
    "gdp, gnp, gni, gross (?:domestic|national|regional|value), value added, "
    "national (?:income|product|expenditure), exports?, imports?, trade(?! (?:union|balance)), revenues?, "
    "receipts?, expenditures?, expenses?, spending, taxes, tax, consumption, (?:fixed )?investments?, "
    "capital formation, savings?, incomes?, remittances?, compensation, wage bill, profits?, production, output, "
    "orders, sales, turnover, shipments?, deliver(?:y|ies), payments?, subsid(?:y|ies), transfers?, grants?, aid, "
    "assistance, dividends?, (?:in|out)flows?, foreign direct investment, fdi, generation, supply, demand, "
    "emissions?, withdrawals?, absorption, rents, depletion, damage, benefits, social contributions, premiums?, "
    "costs?, construction, purchases, procurement, royalties, duties, usage, use, intake, catch, harvest, "
    "earnings, funding, final consumption, precipitation, rainfall, privati[sz]ation, budget revenues?, "
    "fiscal expenditures?, services, registrations?, activity, proceeds, donations, r&d, financing, outlays?, product, "
    "residual, discrepancy"
)
"""What happens over a period."""

LEVEL = (
    f"{FLOW}, {STOCK}, "
    "prices?, wages?, salar(?:y|ies), permits?, starts, costs?, employment change, payrolls, arrivals, "
    "productivity, rents?, cpi, ppi, hicp, deflator, volumes?, leading (?:economic )?ind(?:ex|icators?)"
)
"""Levels of every sort: in percent and without "of" they are percent changes."""

INTEREST = (
    "interest rates?, policy rates?, "
    "(?:lending|deposit|borrowing|discount|repo|mortgage|funds|prime|cash|bank|base|key) rates?, "
    "(?:interbank|overnight|refinanc(?:e|ing)|financing|facility|call money|money market|swap|savings|loan|"
    "saving) (?:lending |deposit )?rates?, "
    "reverse repo(?: rate)?, commercial paper(?: rate)?, [ls]ibor, euribor, shibor, jibor, kibor, klibor, nibor, "
    "sofr, sonia, estr, [€]str, tonar, eonia, fed(?:eral)? ?funds?(?: (?:effective|target))?(?: rate)?, "
    "(?:effective|target) (?:federal funds )?rate, (?:loan|lending|credit) prime rate, prime lending, "
    "standing facility, marginal lending, policy interest, real interest, rate on (?:loans|deposits), "
    "average interest, overnight, interest rate on .*, monetary policy rate, central bank rate, "
    "official cash rate, selic, cetes"
)
YIELD = (
    r"yields?, (?:government|treasury|sovereign|corporate|benchmark) (?:bonds?|notes?|bills?), bond \d+ ?y, "
    r"\d+ ?y(?:ear)? (?:bonds?|notes?|gilt|bund|jgb|treasury), t-?bills?, "
    r"treasury (?:constant maturity |bill |bond )?rates?, "
    r"\d+ (?:year|month|week) (?:treasury|bill|bond|note)s?(?: .*)?, treasury bills?, gilts?, bunds?, eurobonds?, "
    r"(?:aaa|baa) corporate, bill rate"
)
SPREAD = (
    "spreads?, minus, differentials?, term premium, risk premium(?: on lending)?, less (?:federal )?funds, "
    "credit default swaps?, cds, interest margin, basis swap, difference between"
)

COMMODITY = (
    "brent, wti, crude(?: oil)?, oil, gas(?:oline)?, natural gas, petrol, diesel, coal, gold, silver, platinum, "
    "palladium, copper, alumin(?:i)?um, zinc, nickel, lead(?! time), tin, iron ore, lithium, cobalt, uranium, "
    "steel, wheat, corn, maize, soy ?beans?, rice, oats, coffee, cocoa, sugar, cotton, palm oil, rubber, lumber, "
    "timber, wool, milk, butter, cheese, tea, orange juice, beef, pork, poultry, cattle, hogs, urea, phosphate, "
    "potash, fertili[sz]ers?, ethanol, propane, naphtha, heating oil, bitumen, bitcoin, ether(?:eum)?, "
    "carbon(?: permits)?, electricity, soda ash, canola, barley, bananas?, salmon, eggs"
)

SURVEY = (
    r"pmi, ism, ifo, zew, tankan, nahb, sentix, gfk, cbi, nfib, kof, insee, nab, purchasing managers?.*, "
    r"(?:business|economic|industrial|industry|manufacturing|services?|construction|retail|investor|employers?|ceo|"
    r"trade) (?:climate|confidence|sentiment|conditions|optimism|outlook|expectations?|survey|morale|tendency|"
    r"activity index|index), "
    r"(?:dallas|kansas|richmond|chicago|philly|philadelphia|cleveland|new york|ny|kansas city|atlanta|"
    r"st\.? louis) (?:fed|empire).*, "
    r"empire state.*, industry index .*, "
    r"(?:prices?|employment|orders|inventories|shipments|revenues?|backlog) (?:paid|received)? ?(?:sub-?)?index, "
    r"prices (?:paid|received), climate(?! (?:change|risk)), expectations, current (?:conditions|situation), "
    r"outlook, optimism, diffusion, tendency, business (?:conditions|bankruptcy|barometer).*, economy watchers.*, "
    r"reuters tankan.*, capex plan.*, new orders, supplier deliver(?:y|ies), economic sentiment.*, "
    r"economic optimism.*, leading business"
)
"""Balances of opinion of firms and analysts, asked within a period."""

PER_HEAD = (
    r"per capita, "
    r"per (?:person|head|worker|employee|employed|household|inhabitant|student|pupil|hour worked|patient|birth), "
    r"per unit of.*, per (?:hectare|acre), per [\d\x2c.]+ .*, "
    r"per (?:woman|child|adult|physician|teacher|(?:live )?births?), "
    r"per (?:one |a )?(?:million|thousand|hundred)(?: .*)?, per (?:sq(?:uare|\.)?|km) .*, / ?capita, "
    r"/ ?(?:\d{4} )?(?:us)?\$.*, per (?:constant |ppp )*(?:\$|gdp|us\$).*, per female.*"
)
