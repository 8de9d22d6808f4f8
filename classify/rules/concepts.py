"""What an indicator is: the type that its words, units and values speak for. Family and type both ask here.

The tables stand in `concepts_special` (any unit), `concepts_percent` (percentages), `concepts_amounts` (money, counts,
physical quantities) and `concepts_rest`; here they are put in order and applied. The first rule that fits and whose
type is allowed wins: only flows, volumes and counts may be cumulative, and a type must belong to a family that another
provider has already given.
"""

from functools import lru_cache
from typing import TypeAlias

from classify.rules.concepts_amounts import AMOUNTS
from classify.rules.concepts_percent import PERCENT
from classify.rules.concepts_rest import REST
from classify.rules.concepts_special import SPECIAL
from classify.rules.rulebook import Match, Subject, joined, matches
from classify.taxonomy import CUMULATIVE_TYPES, FAMILY_TYPES, Family, IndicatorType, UnitType

Concept: TypeAlias = Match[IndicatorType]

FAMILY_OF: dict[IndicatorType, Family] = {kind: family for family, types in FAMILY_TYPES.items() for kind in types}
"""The one family of each type."""

_RULES = joined(SPECIAL, PERCENT, AMOUNTS, REST)

_LIKELY: dict[UnitType, tuple[IndicatorType, ...]] = {
    "currency-amount": ("flow", "price"),
    "percentage": ("percentage", "rate", "flow", "price"),
    "index": ("index", "percentage", "sentiment"),
    "ratio": ("ratio", "multiplier"),
    "count": ("count", "flow"),
    "physical": ("flow", "ratio"),
    "rate": ("ratio", "price"),
    "duration": ("duration", "ratio"),
    "unknown": ("flow", "count", "price", "index"),
}
"""What an indicator of that unit may be where no rule of an allowed type fits."""


_UNIT_READ = 0.55
_GUESSED_UNIT = 0.85
"""Below that parsing confidence the kind of unit is a guess from the name, and so is what follows from it."""


@lru_cache(maxsize=4_096)
def read_concept(subject: Subject, cumulative: bool = False, family: Family | None = None) -> Concept:
    """The type of `subject`, with how sure that is and why.

    Parameters
    ----------
    subject
        What rules may look at.
    cumulative
        Whether the values add up: then only flows, volumes and counts are allowed, as far as `family` has any.
    family
        Only types of this family are allowed.
    """
    allowed = frozenset(FAMILY_TYPES[family]) if family else frozenset(FAMILY_OF)
    if cumulative:
        allowed = (allowed & CUMULATIVE_TYPES) or allowed
    passed_over: Concept | None = None
    for found in matches(_RULES, subject):
        if found.answer in allowed:
            sure = found.sure if subject.sureness >= _UNIT_READ else found.sure * _GUESSED_UNIT
            return Match(found.answer, round(sure if passed_over is None else min(sure, 0.5), 2), found.reasoning)
        passed_over = passed_over or found
    candidates = [t for t in _LIKELY[subject.kind] if t in allowed]
    answer = candidates[0] if candidates else next(t for t in FAMILY_OF if t in allowed)
    because = "values that add up" if cumulative else f"the family {family}"
    return Match(answer, 0.3, f"No rule speaks for it; of the types that fit {because}, the likeliest is {answer}.")
