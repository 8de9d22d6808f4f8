"""Words of good and bad news: the rules of orientation that hold for whatever type.

The order is the argument: what turns a meaning around comes first ("without access", "decline in mortality"), then
what is bad news in any company ("unemployment rate, skilled workers"), then what says neither, then what is good.
"""

from classify.rules.rulebook import Rule, either, kinds, words
from classify.taxonomy import Orientation

_ILLS = (
    r"(?:un|under)employment, (?:un|under)employed, jobless(?:ness)?(?: claims)?, claimant count, "
    r"(?:initial|continuing|continued) (?:jobless )?claims, job cuts, layoffs?, redundancies, poverty, poor, "
    r"mortality, deaths?, death rate, dying, killed, fatalit(?:y|ies), suicides?, homicides?, crimes?, violence, "
    r"droughts?, floods?, informal (?:employment|sector).*, out-of-pocket.*, transaction costs?.*, "
    r"time spent dealing.*, working hours of children.*, corruption(?! (?:perceptions? )?index| control), "
    r"brib(?:e|es|ery), informal payments?, terrorism, conflict, disasters?, displace(?:d|ment)s?, "
    r"default(?:s|ed)?, non-?performing.*, impaired, delinquen(?:cy|cies|t), foreclosures?, bankruptc(?:y|ies), "
    r"insolvenc(?:y|ies), arrears, write-?offs?, npls?, (?:under|mal)nourish(?:ment|ed), malnutrition, "
    r"undernutrition, stunt(?:ed|ing), wast(?:ed|ing), underweight, overweight, obes(?:e|ity), hunger, anemia, "
    r"low-birthweight.*, food insecurity, hiv, aids, tuberculosis(?! (?:treatment|case detection).*), "
    r"malaria(?! .*(?:drug|net).*), diabetes, covid.*, coronavirus(?! vaccin.*).*, infections?, infected, "
    r"disease(?!s? prevention), prevalence of (?!contraceptive).*, incidence of .*, smoking, smokers?, tobacco, "
    r"alcohol, open defecation, unsafe, unimproved, slums?, pollution, pm2\.5.*, emissions?, co2, greenhouse.*, "
    r"deforestation, threatened, carbon intensity, out of school, drop-?outs?, repeaters?, repetition, "
    r"illitera(?:cy|te), over-?age, child labou?r, children in employment.*, economically active children.*, "
    r"orphans?, vulnerable, unmet need, child marriage, teenage mothers.*, adolescent fertility.*, misery, "
    r"uncertainty, risk(?: score| index| premium)?, fragil(?:e|ity), volatility, vix, stress index, gini.*, "
    r"inequality, outages?, losses, interruptions?, dependency ratio, shortages?, blackouts?, strikes, "
    r"cost of business start-up.*, time (?:required )?to .*, time required .*, lead time.*, days to .*, "
    r"procedures to .*, start-up procedures.*, number of (?:visits|tax payments).*, documents to .*, "
    r"cost to (?:export|import).*, burden of.*, pupil-teacher ratio, depletion, damage, erosion, water stress, "
    r"prices paid, prices received, contraction, recession, early marriage, married by age.*, female genital.*, "
    r"believe .*beating.*, wife beating.*, justified.*, discrimination, not in education.*, neet, crowding, "
    r"labou?r (?:tax and )?costs?.*, misconduct, forgone"
)
_DEBT = (
    r"(?:government|public|external|national|household|households|sovereign|private|gross|net|central government|"
    r"short-term|long-term|concessional|foreign|corporate|total)? ?(?:\w+ )?debts?(?! (?:forgive\w*|relief|"
    r"securities|reduction).*), "
    r"use of imf credit.*, interest payments?, debt service, principal repayments.*, borrowings?, "
    r"imf (?:re)?purchases.*, indebtedness, leverage, external (?:loans|liabilities)"
)
_NEUTRAL = (
    r"(?<!months of )imports?(?! cover), "
    r"(?:government|public|general government|fiscal|federal|budget|military|current|"
    r"central government) (?:\w+ )?(?:spending|expenditures?|expenses?|outlays?|consumption), "
    r"expenses?, government final consumption.*, military.*, arms.*, armed forces.*, compensation of employees, "
    r"subsid(?:y|ies).*, tax rates?.*, tariff.*, tax(?:es)? on .*, vat, "
    r"population(?! using| with| covered)(?!.*(?:living in|under|below).*), "
    r"births?(?! (?:attended|registration|weight)), fertility.*, migra(?:nts?|tion), refugees?.*, "
    r"exchange rate.*, (?:real|nominal) effective.*, inventor(?:y|ies), stocks? of .*, "
    r"(?:crude|oil|gas(?:oline)?|distillates?|petroleum|fuel|coal|grain) (?:\w+ )*stocks?, strategic petroleum.*, "
    r"(?:electric(?:ity|al)?|power|energy|oil|gas|petroleum|fuel|coal|water|steel|cement) (?:\w+ )?consumption, "
    r"(?<!mobile-)money(?: supply| stock)?, m[0-4], monetary base, currency in circulation, balance sheet, "
    r"reserve requirements?, cash reserve.*, land area, surface area, temperature, precipitation, rainfall, "
    r"sex ratio.*, age at .*, ages? \d+(?:-\d+)?(?: \w+)?$, (?:rural|urban) .*population.*, trading volume, "
    r"volume traded, stocks traded.*, discrepancy, residual, errors and omissions, "
    r"(?:changes? in|net) inventories, (?<!constant )(?<!current )(?<!market )(?<!basic )(?<!factor )prices?, "
    r"(?:ppp )?conversion.*, deflator, current account.*, trade balance, balance of (?:trade|payments), "
    r"terms of trade (?:effect|adjustment).*, portfolio(?! inflows).*, allocations?, price-?earnings.*, claims on.*, "
    r"liquid liabilities.*, agricultural (?:land|area), arable.*, cropland, statistical.*, outflows?, "
    r"net outflows, .*income.*payments.*, remittances\x2c? paid, labou?r force(?! participation), composition, "
    r"capital account.*, financial account.*, withdrawals?, energy (?:use|consumption|imports).*, fossil fuel.*, "
    r"consumer prices, commercial paper.*, "
    r"adjusted savings: (?:\w+ )?(?:consumption of fixed capital|.*depletion).*, consumption of fixed capital.*, "
    r"merchandise (?:im|ex)ports (?:to|from) .*, price to rent.*, ^trade(?= *$)"
)
_GOODS = (
    r"ip, gdp, gnp, gni, gross (?:domestic|national|value|regional).*, national income.*, incomes?, value added, "
    r"growth, output, production, productivity, exports?, sales, orders, turnover, revenues?, receipts, profits?, "
    r"shipments, investments?, capital formation, fdi, foreign direct investment.*, inflows?, remittances.*, savings?, "
    r"surplus, employment, employed, employe(?:es|rs?), payrolls?, jobs?, vacanc(?:y|ies), (?:job )?openings, "
    r"help wanted.*, hir(?:es|ing), participation, wages?, salar(?:y|ies), earnings, "
    r"(?:consumer|personal|household|private)s? (?:final )?(?:consumption|spending|expenditures?).*, "
    r"consumption expenditures?, final consumption.*, retail.*, starts, permits, home sales, construction, "
    r"housing completions, registrations?, homeownership.*, home ownership.*, utili[sz]ation, reserves?, assets, "
    r"capitali[sz]ation, stock market, equity (?:index|prices), "
    r"(?:private sector |domestic |bank |private )?credit(?! default), loans?, lending, deposits?, "
    r"capital adequacy, capital to assets?.*, return on .*, coverage, months of imports, import cover.*, "
    r"adequacy.*, terms of trade, confidence, sentiment, optimism, climate(?! (?:change|risk).*), expectations, "
    r"pmi, ism, conditions, outlook, business activity, leading.*, coincident.*, approvals, originations?, "
    r"activity, tourist.*, tourism.*, visitors, arrivals, passengers, freight, traffic, throughput, "
    r"access(?:ible|ibility)?(?: to)?, literacy, literate, enrol?l?ment(?:s)?, school.*, education(?:al)?.*, "
    r"attainment, completion, attendance, graduates?, trained, progression, survival, persistence.*, intake, "
    r"teachers?, learning, human capital, life expectancy, healthy, immuni[sz]ation, vaccin.*, contraceptive.*, "
    r"births attended.*, prenatal care, antenatal.*, exclusive breastfeeding.*, breastfeeding, treatment.*, "
    r"sanitation.*, drinking water.*, water source.*, handwashing.*, electricity.*, electrification, "
    r"clean fuels?.*, health(?: expenditure| care)?.*, physicians?.*, nurses.*, doctors, hospital.*, beds, "
    r"internet.*, broadband.*, (?:mobile|telephone|cellular).*, secure .*servers.*, subscri(?:bers?|ptions?), "
    r"accounts?, branch(?:es)?, atms?, bank accounts?.*, borrowers?, depositors, patent.*, trademark.*, "
    r"research(?:ers)?.*, r&d.*, scientific.*, high-tech.*, technicians.*, new businesses.*, listed.*, forest.*, "
    r"protected areas.*, renewable.*, yield, cereal.*, crop production.*, food production.*, "
    r"livestock production.*, roads?, rail.*, logistics.*, ease of .*, business regulatory.*, rating, quality.*, "
    r"transparency.*, rule of law.*, government effectiveness.*, control of corruption.*, political stability.*, "
    r"voice and.*, regulatory.*, legal rights.*, disclosure.*, statistical capacity.*, "
    r"women.*(?:parliament|decision|business|manager).*, female.*(?:manager|legislator|director|seats).*, "
    r"seats held by women.*, social (?:protection|insurance|safety).*, benefit incidence.*, pensions?, equal.*, "
    r"equality, rights, happiness, freedom, competitiveness.*, corruption (?:perceptions? )?index, credit rating, "
    r"debt (?:relief|forgive\w*|reduction).*, (?:official )?development assistance.*, aid, oda, surgical.*, "
    r"health workers.*, grants.*, renewables?, connectivity.*, liner shipping.*, birth registration.*, rig count, "
    r"rigs, people using.*, insured, interest coverage, capacity, disposable.*, wealth, net worth, pupils, s&p.*, "
    r"stock (?:price|index).*, composite index, share price.*, nasdaq, dow jones"
)
_FALL = r"(?:declines?|reductions?|decreases?|falls?|drops?|absence) (?:in|of)"
_LACK = (
    r"(?:without|lack(?:ing)?(?: of)?|no|not|unable|limited|inadequate|difficult\w*|excluded from|denied|loss of|"
    r"decline in|reduction in|decrease in|fall in)"
)
_NEEDED = (
    r"(?:access|education|schooling|water|sanitation|electricity|account|employment|facilit\w+|registration|coverage|"
    r"handwashing|savings?|services|school)"
)

ILLS: tuple[Rule[Orientation], ...] = (
    Rule("higher-is-positive", 0.8, "Less of an ill", words(rf"{_FALL} (?:\w+ )*{either(_ILLS)}",
        "(?:freedom from|absence of) .*, control of corruption.*, help wanted.*, survival.*, low poverty.*, "
        "bribery control")),
    Rule("higher-is-positive", 0.75, "Protection or treatment of an ill",
        words("(?:treatment|protection|prevention|case detection|knowledge|immuni[sz]ation|antiretroviral|testing|"
        "tested|receiving|use of .*nets?|comprehensive correct|condom) .*, "
        ".*(?:treatment|case detection|antiretroviral|condom use|insecticide-treated|unemployment (?:benefits|"
        "insurance|assistance)|disaster risk reduction).*, "
        "unemployment benefits?.*, debt (?:forgiveness|relief|reduction).*, coverage of .*, completeness of .*, "
        "protected against.*, adjusted net savings.*")),
    Rule("higher-is-positive", 0.8, "Schooling, health and work for more people",
        words(r"educational attainment.*, literacy.*, completion rate.*, "
        r"(?:health|education)(?: care)? expenditures?(?!.*out-of-pocket), expenditure on \w+ education, "
        r"employment to population.*, labou?r force with (?:advanced|intermediate) education.*, "
        r"industrial design.*"), unless=words("out-of-pocket, unemployment, illiteracy, school age")),
    Rule("higher-is-positive", 0.75, "A rating from bad to good",
        unit=words(r".*(?:low|weak|inefficient|less \w+|underdeveloped|worst) to .*, .*1 ?= ?yes.*"),
        kinds=kinds("index")),
    Rule("lower-is-positive", 0.75, "A place in a ranking: the first is the best",
        unit=words("1 ?= ?(?:most|best|highest).*"), kinds=kinds("index")),
    Rule("lower-is-positive", 0.85, "A debt outstanding or its service", unit=words("dod, tds")),
    Rule("lower-is-positive", 0.75, "A lack", words(rf"{_LACK} (?:\w+ ){{0\x2c5}}{_NEEDED}")),
    Rule("lower-is-positive", 0.85, "An ill: less is better", words(_ILLS)),
)  # fmt: skip
"""What turns a meaning around, and what is bad news wherever it stands."""

REST: tuple[Rule[Orientation], ...] = (
    Rule("lower-is-positive", 0.85, "A debt or what is paid on it: less is better", words(_DEBT),
        unless=words("net flows.*, net transfers.*")),
    Rule("higher-is-positive", 0.82, "Less to borrow for the state",
        words(r"(?:government|fiscal|budget|primary|public|federal|structural) (?:\w+ ){0\x2c2}(?:balance|surplus|"
        r"budget).*, "
        r"net lending(?! to).*, government budget.*"), unless=words("revenue.*, expenditure.*, spending")),
    Rule("neutral", 0.75, "Neither good nor bad by itself", words(_NEUTRAL)),
    Rule("higher-is-positive", 0.82, "A good: more is better", words(_GOODS)),
    Rule("neutral", 0.5, "No word says that more is better or worse"),
)  # fmt: skip
"""Debts, what is neutral, what is good; the last rule fits always."""

GENERAL = (*ILLS, *REST)
"""What words say of any indicator."""
