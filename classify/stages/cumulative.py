"""Stage 3, cumulative: whether the values add up within a year, for ever, or not at all."""

from classify.indicator import Indicator
from classify.rules.accumulation import Shape, shape_of
from classify.rules.kinds import ADDITIVE_UNITS, FLOWLIKE, Kind, kind_of
from classify.rules.wording import Wording, accumulation_in
from classify.stages.base import Confidence, Findings, Prompt, Question, StageResult
from classify.stages.normalize import Normalization
from classify.stages.prompts import always
from classify.stages.time import TimeInference, cannot_add_up
from classify.taxonomy import Pattern


class CumulativeDetection(StageResult):
    """Whether values accumulate, and how."""

    is_cumulative: bool
    pattern_type: Pattern
    confidence: Confidence
    evidence: str
    reasoning: str


SETTLED_CONFIDENCE = 0.8
"""From here on the answer of the rules stands by itself, and no LLM needs to be asked."""


def settled(detection: CumulativeDetection) -> bool:
    """Whether words, units and values settle the question without asking an LLM."""
    return detection.confidence >= SETTLED_CONFIDENCE


def detect_cumulative(indicator: Indicator, findings: Findings) -> CumulativeDetection:
    """Judge by the units (a percentage cannot add up), then by words and values together."""
    unit = findings[Normalization]
    if unit.parsed_unit_type not in ADDITIVE_UNITS:
        sure = 0.97 if unit.parsing_confidence >= 0.6 else 0.85
        return _answer("periodic", sure, f"unit: {unit.parsed_unit_type}", "Values of this unit cannot add up")
    kind = kind_of(f"{indicator.name} {indicator.units or ''}")
    wording = accumulation_in(indicator)
    shape = shape_of(indicator.series(), signed=kind == "balance")
    if wording == "not_cumulative":
        return _answer("periodic", 0.93, f"words; {shape.evidence}", "The words name a moving window or a book value")
    if wording:
        return _worded(wording, shape, kind)
    time = findings[TimeInference]
    return _unworded(shape, kind, annual=time.reporting_frequency == "annual" and time.source_used != "default")


def _worded(wording: Wording, shape: Shape, kind: Kind) -> CumulativeDetection:
    """The words say that values accumulate; the values agree, are silent, or contradict."""
    says = "year-to-date" if wording == "ytd" else "a running total"
    evidence = f"words; {shape.evidence}"
    if kind == "change":
        return _answer("periodic", 0.85, evidence, f"The words say {says}, but of a change, which cannot add up")
    if shape.pattern == "unknown":
        return _answer(_PATTERN[wording], 0.85, evidence, f"The words say {says}, and the values do not contradict")
    if shape.pattern == "ytd":
        return _answer(
            "ytd", 0.97 if wording == "ytd" else 0.88, evidence, f"The words say {says}, and values restart yearly"
        )
    if shape.never_falls:
        return _answer(_PATTERN[wording], 0.93, evidence, f"The words say {says}, and the values climb")
    if kind == "balance":
        return _answer(_PATTERN[wording], 0.7, evidence, f"The words say {says}; a balance may fall on the way")
    return _answer("periodic", 0.5, evidence, f"The words say {says}, but the values fall again and again")


_PATTERN: dict[Wording, Pattern] = {"ytd": "ytd", "running_total": "running_total", "not_cumulative": "periodic"}


def _unworded(shape: Shape, kind: Kind, annual: bool) -> CumulativeDetection:
    """No word speaks of accumulation: the values decide, and the kind of thing says how far to believe them."""
    stays = kind != "unknown" and kind not in FLOWLIKE
    if shape.pattern in ("ytd", "running_total"):
        if stays:
            return _answer(
                "periodic", 0.6, shape.evidence, f"Values look like {shape.pattern}, but a {kind} does not add up"
            )
        return _answer(shape.pattern, shape.confidence, shape.evidence, _REASONS[shape.pattern])
    if stays:
        return _answer(
            "periodic", max(0.88, shape.confidence), f"kind: {kind}; {shape.evidence}", f"A {kind} does not add up"
        )
    if shape.pattern == "unknown" and annual:
        return _answer(
            "periodic", 0.82, f"one value a year; {shape.evidence}", "Annual values, and no word of a running total"
        )
    # A level that only climbs may be the late part of an unnamed running total, unless its kind is known.
    most = _CLIMBS_UNNAMED if shape.never_falls and kind in ("unknown", "count") else 1.0
    return _answer(shape.pattern, min(most, shape.confidence), shape.evidence, _REASONS[shape.pattern])


_CLIMBS_UNNAMED = 0.65
_REASONS: dict[Pattern, str] = {
    "ytd": "Values climb within the year and start again",
    "running_total": "Values only ever climb, and began at nothing; a new stock would look the same",
    "periodic": "Each value stands for its own period or moment",
    "unknown": "Too little to see, and no word that helps",
}


def _answer(pattern: Pattern, confidence: float, evidence: str, reasoning: str) -> CumulativeDetection:
    return CumulativeDetection(
        is_cumulative=pattern in ("ytd", "running_total"),
        pattern_type=pattern,
        confidence=round(confidence, 2),
        evidence=evidence,
        reasoning=f"{reasoning}.",
    )


def contradiction(detection: CumulativeDetection, findings: Findings) -> str | None:
    """What disagrees in an answer. Stage 2 is not held against it: this stage looks closer at the same question."""
    if detection.is_cumulative != (detection.pattern_type in ("ytd", "running_total")):
        said = str(detection.is_cumulative).lower()
        return f"is_cumulative {said} contradicts pattern_type {detection.pattern_type}."
    if detection.is_cumulative and cannot_add_up(unit := findings[Normalization]):
        return f"is_cumulative true contradicts the unit: values of the kind {unit.parsed_unit_type} do not add up."
    return None


STAGE = Question(
    name="cumulative",
    table="cumulative_detection_results",
    result=CumulativeDetection,
    rules=detect_cumulative,
    prompt=Prompt(instructions=always("cumulative"), contradiction=contradiction),
    settled=settled,
)
"""The stage."""
