"""The seven stages in the order of the chain. An eighth is one new file and one more entry in `STAGES`."""

from typing import Any

from classify.stages import cumulative, family, normalize, orientation, save, time, type
from classify.stages.base import Question, Stage

STAGES: tuple[Stage, ...] = (
    normalize.STAGE,
    time.STAGE,
    cumulative.STAGE,
    family.STAGE,
    type.STAGE,
    orientation.STAGE,
    save.STAGE,
)

QUESTIONS: tuple[Question[Any], ...] = tuple(s for s in STAGES if isinstance(s, Question))
"""The stages that answer something: all but the last."""
