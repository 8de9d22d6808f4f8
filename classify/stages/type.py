"""Stage 5, type: the type within the family, and how values aggregate over time."""

from classify.indicator import Indicator
from classify.rules.aggregation import aggregate
from classify.rules.concepts import read_concept
from classify.stages.base import Confidence, Findings, Question, StageResult
from classify.stages.family import FamilyAssignment, is_cumulative, subject_of
from classify.taxonomy import FAMILY_TYPES, IndicatorType, TemporalAggregation


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


STAGE = Question(name="type", table="type_classification_results", result=TypeClassification, rules=classify_type)
"""The stage."""
