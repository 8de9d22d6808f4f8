"""Stage 6, orientation: whether a higher value is good news, bad news or neither, for colouring a heat map.

The rules of the type come first (a yield is neutral, a default probability bad), then what words say of anything.
"""

from functools import lru_cache
from typing import Final

from classify.indicator import Indicator
from classify.rules import vocabulary as v
from classify.rules.polarity import GENERAL, ILLS, REST
from classify.rules.rulebook import Match, Rule, Subject, kinds, matches, words
from classify.stages.base import Confidence, Findings, Prompt, Question, StageResult
from classify.stages.family import subject_of
from classify.stages.prompts import always
from classify.stages.type import TypeClassification
from classify.taxonomy import IndicatorType, Orientation


class OrientationJudgement(StageResult):
    """The orientation on a heat map."""

    heat_map_orientation: Orientation
    confidence: Confidence
    reasoning: str


_UP: Final = "higher-is-positive"
_DOWN: Final = "lower-is-positive"
_NEUTRAL_EXCHANGE = "A price: one side's gain is the other's loss"

_GOVERNMENT = words(
    r"(?:government|fiscal|budget|primary|public|federal|structural|central government) (?:\w+ ){0\x2c2}(?:balance|"
    r"surplus|deficit|budget).*, "
    r"budget.*, government budget.*, net lending(?! to).*, treasury.*balance"
)
_COSTS = words(
    "(?:consumer|producer|wholesale|factory gate|core|import|input|retail|food|energy|"
    "services?) (?:output )?prices?(?: .*)?, "
    "[cp]pi.*, hicp.*, pce.*, inflation.*, deflator, rpi.*, wpi.*, gdp deflator, "
    "(?:unit )?(?:labou?r|employment) costs?.*, "
    "prices? (?:change|growth|index).*, cost of living, rents?"
)
_ASSET_PRICE = words(
    r"(?:house|housing|home|property|residential|real estate|land|dairy|commodity|export|oil|gold|stock|share|asset|"
    r"apartment|dwelling|building) (?:\w+ )?prices?.*, "
    r"(?:house|housing|home|property).*index.*, export prices?.*, commodity.*"
)
_MARKET_RATE = words(
    r"(?:lending|interbank|overnight|financing|mortgage|loan|prime|borrowing|refinancing|call money|money market|"
    r"commercial paper|repo|credit) (?:\w+ )?rates?, "
    r"[ls]ibor, euribor, sofr, sonia, shibor, kibor, interest rates? on .*(?:loans?|credit).*, prime lending.*, "
    r"bank lending.*, overnight, commercial paper.*"
)

_TABLES: dict[tuple[IndicatorType, ...], tuple[Rule[Orientation], ...]] = {
    ("rate",): (
        Rule("neutral", 0.75, "The price of an asset or of goods sold: good for one side, bad for the other",
            _ASSET_PRICE),
        Rule(_DOWN, 0.9, "Rising prices and costs", _COSTS,
            unless=words("real .*, consumer (?:spending|credit|confidence).*, pce(?!.*price).*, "
            "personal consumption.*")),
        *GENERAL[:-1],
        Rule(_UP, 0.55, "Growth, as a rule good news"),
    ),
    ("price",): (
        Rule(_UP, 0.7, "What people earn", words("wages?, salar(?:y|ies), earnings, pay")),
        Rule(_DOWN, 0.6, "What borrowing costs on the market", _MARKET_RATE,
            unless=words("policy.*, central bank.*, deposit.*, reverse repo.*, repo rate, "
            "(?:effective )?federal funds.*, fed funds.*"), kinds=kinds("percentage unknown rate")),
        Rule(_DOWN, 0.6, "What something costs to do", words("costs? (?:to|of).*"), unless=words("living")),
        Rule("neutral", 0.85, _NEUTRAL_EXCHANGE),
    ),
    ("yield", "correlation", "elasticity", "threshold", "allocation"): (
        Rule("neutral", 0.9, "Neither good nor bad by itself"),
    ),
    ("volatility",): (
        Rule(_DOWN, 0.9, "Unrest of markets"),
    ),
    ("gap",): (
        Rule(_DOWN, 0.6, "Inequality or a lack",
            words("(?:gender|pay|wage|income|wealth|poverty|financing|skills?).*gap.*")),
        Rule("neutral", 0.8, "Best near zero"),
    ),
    ("spread",): (
        Rule(_DOWN, 0.75, "What the market charges for risk",
            words("credit.*, cds, default.*, risk premium.*, sovereign.*, high yield.*, embi.*, "
            "corporate (?:bond )?(?:spread|minus).*, (?:baa|bbb|junk).*")),
        Rule("neutral", 0.8, "Neither good nor bad by itself"),
    ),
    ("multiplier",): (
        Rule(_UP, 0.7, "More effect for the same effort"),
    ),
    ("probability",): (
        Rule(_UP, 0.6, "A good outcome", words("survival, expansion, recovery, success")),
        Rule(_DOWN, 0.9, "The likelihood of something feared"),
    ),
    ("sentiment",): (
        Rule(_UP, 0.93, "Good spirits"),
    ),
    ("duration",): (
        *ILLS,
        Rule(_UP, 0.85, "Long lives and schooling",
            words("life expectancy.*, .*schooling.*, duration of (?:primary|secondary|compulsory).*, "
            "school life.*, healthy.*")),
        Rule(_DOWN, 0.75, "Waiting",
            words("time (?:required|to|spent).*, days.*, wait.*, delay.*, lead time.*, unemployment.*, "
            "processing.*, clearance.*")),
        Rule("neutral", 0.5, "A length of time"),
    ),
    ("index",): (
        Rule(_DOWN, 0.85, "Firms report rising prices",
            words("(?:input |output )?prices? (?:paid|received|charged).*, input prices.*, ism.*prices.*, "
            "(?:fed|pmi).*prices.*")),
        Rule(_UP, 0.8, "The terms on which a country trades", words("terms of trade")),
        Rule(_UP, 0.85, "What shares are worth",
            words("s&p.*, stock.*, (?:share|equity) .*, nasdaq.*, dow jones.*, ftse.*, dax, nikkei.*, msci.*, "
            "topix.*"), unless=words("volatility.*")),
        Rule("neutral", 0.6, "What shipping costs",
            words(r"(?:freight|shipping|container|dry|tanker) (?:\w+ )?index, baltic.*"),
            unless=words("volume, traffic, liner.*")),
        Rule(_DOWN, 0.6, "What labour costs employers", words("(?:unit )?labou?r costs?.*, employment cost.*")),
        Rule("neutral", 0.88, "A level of prices",
            words("prices?, [cp]pi, hicp.*, rpi, wpi, deflators?, pce, inflation, cost of living, "
            "personal consumption expenditures.*, housing index, (?:dollar|currency) index, .*trade weighted.*, "
            "real effective.*, nominal effective.*, rents?"),
            unless=words("real personal.*, volume.*, logistics.*")),
        Rule("lower-is-positive", 0.6, "A rank: first is best", words("rank(?:ing)?"), unless=words("percentile.*")),
        *ILLS,
        Rule(_UP, 0.82, "Firms that see good business", words(v.SURVEY), unless=words("inventor.*, supplier.*")),
        *REST,
    ),
    ("balance",): (
        Rule(_DOWN, 0.8, "More people out of work", words("unemploy.*, jobless.*, claimant.*")),
        Rule(_UP, 0.85, "Less to borrow for the state", _GOVERNMENT),
        Rule(_UP, 0.85, "More people in work", words("employment.*, payrolls?.*, jobs?.*")),
        Rule(_UP, 0.6, "More in reserve", words(".*reserves?.*, savings?")),
        Rule("neutral", 0.8, "A surplus here is a deficit elsewhere"),
    ),
    ("share",): (
        Rule(_UP, 0.75, "The part that workers, women or clean energy have",
            words("labou?r(?:'s)? share.*, wage share.*, renewable.*, women.*, "
            "female (?!population|employ|.*labor force).*(?:manager|seats|legislator).*, forest.*, "
            "high-technology.*, income share held by lowest.*, trained.*, .*wage and salaried.*, "
            "contributing .*famil.*tax")),
        *ILLS,
        Rule("neutral", 0.75, "A part of a whole: more of one is less of another"),
    ),
    ("capacity",): (
        Rule("neutral", 0.75, "The people that could work", words("labou?r ?force.*, .*active population.*")),
        *GENERAL,
    ),
    ("volume",): (
        Rule("neutral", 0.75, "Every trade has two sides",
            words(".*(?:trading|traded|transactions?|turnover|contracts|shares).*")),
        Rule(_UP, 0.8, "Brisk business",
            words("sales, traffic, freight, transport.*, throughput, cargo, shipments?")),
        *GENERAL,
    ),
}  # fmt: skip
_BY_TYPE = {kind: rules for types, rules in _TABLES.items() for kind in types}


@lru_cache(maxsize=4_096)
def _orient(kind: IndicatorType, subject: Subject) -> Match[Orientation]:
    return next(matches(_BY_TYPE.get(kind, GENERAL), subject))


def judge_orientation(indicator: Indicator, findings: Findings) -> OrientationJudgement:
    """The sign of good news, by the type of stage 5 and the words of the name."""
    found = _orient(findings[TypeClassification].indicator_type, subject_of(indicator, findings))
    return OrientationJudgement(heat_map_orientation=found.answer, confidence=found.sure, reasoning=found.reasoning)


def contradiction(judgement: OrientationJudgement, findings: Findings) -> str | None:
    """Nothing: an orientation is a judgement, and any of the three goes with any type (people have labelled so)."""
    return None


STAGE = Question(
    name="orientation",
    table="orientation_results",
    result=OrientationJudgement,
    rules=judge_orientation,
    prompt=Prompt(instructions=always("orientation"), contradiction=contradiction),
)
"""The stage."""
