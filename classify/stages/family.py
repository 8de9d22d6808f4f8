"""Stage 4, family: which of the eight families the indicator belongs to."""

from classify.indicator import Indicator
from classify.rules.concepts import FAMILY_OF, read_concept
from classify.rules.rulebook import Subject
from classify.stages.base import Confidence, Findings, Prompt, Question, StageResult
from classify.stages.cumulative import CumulativeDetection
from classify.stages.normalize import Normalization
from classify.stages.prompts import always
from classify.taxonomy import CUMULATIVE_TYPES, FAMILY_TYPES, Family


class FamilyAssignment(StageResult):
    """The family."""

    family: Family
    confidence: Confidence
    reasoning: str


def subject_of(indicator: Indicator, findings: Findings) -> Subject:
    """The indicator as the rules of stages 4 to 6 look at it."""
    units = findings[Normalization]
    return Subject.of(indicator, units.parsed_unit_type, units.parsing_confidence)


def is_cumulative(findings: Findings) -> bool:
    """Whether stage 3 found that the values add up; False where it has not answered."""
    return CumulativeDetection in findings and findings[CumulativeDetection].is_cumulative


def assign_family(indicator: Indicator, findings: Findings) -> FamilyAssignment:
    """The family of the type that words, units and values speak for."""
    concept = read_concept(subject_of(indicator, findings), is_cumulative(findings))
    return FamilyAssignment(family=FAMILY_OF[concept.answer], confidence=concept.sure, reasoning=concept.reasoning)


def contradiction(assignment: FamilyAssignment, findings: Findings) -> str | None:
    """What disagrees with the answers before: what adds up belongs to a family with a type that can."""
    fitting = [family for family, types in FAMILY_TYPES.items() if CUMULATIVE_TYPES.intersection(types)]
    if is_cumulative(findings) and assignment.family not in fitting:
        return f"family {assignment.family} contradicts is_cumulative true, which only {' and '.join(fitting)} allow."
    return None


STAGE = Question(
    name="family",
    table="family_assignment_results",
    result=FamilyAssignment,
    rules=assign_family,
    prompt=Prompt(instructions=always("family"), contradiction=contradiction),
)
"""The stage."""
