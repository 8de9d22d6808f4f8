"""Stage 5, type: the type within the family, and how values aggregate over time."""

from classify.indicator import Indicator
from classify.rules.aggregation import aggregate
from classify.rules.concepts import read_concept
from classify.stages.base import Confidence, Findings, Prompt, Question, StageResult
from classify.stages.family import FamilyAssignment, is_cumulative, subject_of
from classify.stages.normalize import Normalization, is_currency_denominated
from classify.stages.prompts import text_of
from classify.taxonomy import CUMULATIVE_TYPES, FAMILY_TYPES, IndicatorType, TemporalAggregation


class TypeClassification(StageResult):
    """The type and its temporal aggregation."""

    indicator_type: IndicatorType
    temporal_aggregation: TemporalAggregation
    confidence: Confidence
    reasoning: str


def classify_type(indicator: Indicator, findings: Findings) -> TypeClassification:
    """The type that the rules find within the family of stage 4 (whoever answered it), and its aggregation."""
    subject = subject_of(indicator, findings)
    cumulative = is_cumulative(findings)
    concept = read_concept(subject, cumulative)
    family = findings[FamilyAssignment].family
    if concept.answer not in FAMILY_TYPES[family]:
        concept = read_concept(subject, cumulative, family)
    aggregation = aggregate(concept.answer, subject, cumulative)
    return TypeClassification(
        indicator_type=concept.answer,
        temporal_aggregation=aggregation.answer,
        confidence=round(concept.sure * (0.6 + 0.4 * aggregation.sure), 2),
        reasoning=f"{concept.reasoning} {aggregation.reasoning}",
    )


_OF_MONEY = text_of("type", "type_money")
_OF_ANYTHING_ELSE = text_of("type", "type_other")


def instructions(findings: Findings) -> str:
    """The fixed part, in one of two variants: what is an amount of money is asked about differently."""
    return _OF_MONEY if is_currency_denominated(findings[Normalization]) else _OF_ANYTHING_ELSE


def contradiction(answer: TypeClassification, findings: Findings) -> str | None:
    """What disagrees with the family and with accumulation. Where the family allows no type that adds up, it stands."""
    family, kind, cumulative = findings[FamilyAssignment].family, answer.indicator_type, is_cumulative(findings)
    allowed = FAMILY_TYPES[family]
    if kind not in allowed:
        return f"indicator_type {kind} is not of the family {family}, whose types are: {', '.join(allowed)}."
    fitting = [t for t in allowed if t in CUMULATIVE_TYPES]
    if cumulative and fitting and kind not in fitting:
        return f"indicator_type {kind} contradicts is_cumulative true, which here only {' and '.join(fitting)} allow."
    runs_on = answer.temporal_aggregation == "period-cumulative"
    if runs_on and not cumulative:
        return "temporal_aggregation period-cumulative contradicts is_cumulative false."
    if cumulative and fitting and not runs_on:
        said = answer.temporal_aggregation
        return f"temporal_aggregation {said} contradicts is_cumulative true, which makes it period-cumulative."
    return None


STAGE = Question(
    name="type",
    table="type_classification_results",
    result=TypeClassification,
    rules=classify_type,
    prompt=Prompt(instructions=instructions, contradiction=contradiction),
)
"""The stage."""
