"""What a stage is: a name, a table, and for all but the last a question with a typed answer.

A stage's answer is a pydantic model. Its fields are the columns of the stage's table and, for stages that ask an LLM,
the JSON schema of the structured output; so names and types are said once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from classify.indicator import Indicator
from config.visible import visible

Confidence = Annotated[float, Field(ge=0, le=1)]

PROSE_FIELDS = frozenset({"reasoning", "evidence"})
"""Fields that explain an answer to a person; no later stage reads them, so messages leave them out."""

NO_LABELS = PROSE_FIELDS | {"confidence", "parsing_confidence", "source_used", "original_units", "parsed_scale"}
"""Fields that say how an answer came about; the others are its labels."""


class StageResult(BaseModel):
    """Base of every stage's answer; immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_visible(cls, value: Any) -> Any:
        """What an LLM writes may hold what PostgreSQL cannot (NUL), and what a terminal must not be shown."""
        return visible(value) if type(value) is str else value


R = TypeVar("R", bound=StageResult)


class Findings:
    """The answers of the stages so far, looked up by their model: `findings[FamilyAssignment].family`.

    Raises
    ------
    KeyError
        When the stage of that model has not answered yet.
    """

    def __init__(self, results: Iterable[StageResult] = ()) -> None:
        self._results: dict[type[StageResult], StageResult] = {type(r): r for r in results}

    def __getitem__(self, model: type[R]) -> R:
        result = self._results[model]
        assert isinstance(result, model)
        return result

    def __contains__(self, model: type[StageResult]) -> bool:
        return model in self._results

    def adding(self, result: StageResult) -> "Findings":
        """New findings with one more answer."""
        return Findings([*self._results.values(), result])


@dataclass(frozen=True)
class Stage:
    """One step of the chain: its name (the task is `tasks.<name>`) and the table that holds its result."""

    name: str
    table: str


@dataclass(frozen=True)
class Prompt(Generic[R]):
    """What an LLM is told at a stage.

    Parameters
    ----------
    instructions
        The fixed part, which comes first: the same bytes for every indicator of a variant, so that an endpoint can
        cache it. A stage has one variant, or a few that `findings` choose between.
    contradiction
        What in an answer disagrees with itself or with the answers before, in words that can be put to who answered;
        None when all agrees.
    """

    instructions: Callable[[Findings], str]
    contradiction: Callable[[R, Findings], str | None]


@dataclass(frozen=True)
class Question(Stage, Generic[R]):
    """A stage that answers a question about an indicator.

    Parameters
    ----------
    result
        The model of the answer.
    rules
        The offline answer from metadata and values: instant, deterministic, never raises for a valid indicator.
    prompt
        What an LLM is told; None for a stage that never asks one.
    settled
        Whether the rules' answer is beyond doubt whoever answers in this run, so that no LLM need be asked.
    """

    result: type[R]
    rules: Callable[[Indicator, Findings], R]
    prompt: Prompt[R] | None = None
    settled: Callable[[R], bool] = lambda _: False

    def brief(self, result: R) -> dict[str, Any]:
        """The answer as later stages need it: JSON types, without the prose."""
        return result.model_dump(mode="json", exclude=set(PROSE_FIELDS))

    def labels(self, result: R) -> dict[str, Any]:
        """What the answer says, without how sure and why: two who agree have the same."""
        return result.model_dump(mode="json", exclude=set(NO_LABELS))

    def recall(self, brief: Mapping[str, Any]) -> R:
        """The answer back from `brief` (the prose is empty)."""
        prose = dict.fromkeys(PROSE_FIELDS & self.result.model_fields.keys(), "")
        return self.result.model_validate({**brief, **prose})
