"""Answers that are not what was asked for, as real models give them now and then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from classify.simulator.answers import as_text
from classify.simulator.behaviour import RubbishKind

_PROSE = "Sure! Based on the name and the sample values, this looks like a fairly typical indicator of its kind."
_REFUSAL = "I'm sorry, but I can't help with that."
_NO_SUCH_VALUE = "not-a-value-of-the-enum"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What stands in the choice of a chat completion; `content` or `refusal` is None."""

    content: str | None
    refusal: str | None = None
    finish_reason: str = "stop"

    @property
    def text(self) -> str:
        """What the model has generated, whichever it is."""
        return self.content or self.refusal or ""


def rubbish(kinds: Sequence[RubbishKind], detail: float, value: Any) -> Utterance:
    """The good answer `value`, made rubbish of the kind that `detail` (0 to 1) picks.

    `wrong-enum` sets the first text of the answer to a value that no enum has: enums are stated before the reasoning.
    """
    kind = kinds[min(int(detail * len(kinds)), len(kinds) - 1)]
    if kind == "truncated":
        text = as_text(value)
        return Utterance(text[: max(1, len(text) // 2)], finish_reason="length")
    if kind == "refusal":
        return Utterance(None, refusal=_REFUSAL)
    if kind == "wrong-enum" and isinstance(value, dict) and value:
        texts = [name for name, below in value.items() if isinstance(below, str)]
        return Utterance(as_text({**value, (texts or list(value))[0]: _NO_SUCH_VALUE}))
    return Utterance(_PROSE)
