"""Stage 7, save: the row of `classifications`, put together from the source and every stage's result."""

from classify.stages.base import Stage

STAGE = Stage(name="save", table="classifications")
