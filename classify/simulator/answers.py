"""What the endpoint says to a question that asks for JSON: whatever fits here, the rules in `rules_answers`."""

import hashlib
import json
import random
from typing import Any, Protocol

from classify.simulator.fitting import fit
from classify.simulator.question import Question


class Answerer(Protocol):
    """Answers questions that ask for JSON."""

    def answer(self, question: Question) -> Any:
        """The JSON value for the question; the same question gets the same answer.

        Raises
        ------
        UnfitSchemaError
            When the question's schema cannot be fitted.
        """
        ...


class FittingAnswerer:
    """Says anything that fits the schema, chosen by a hash of the prompt. Not for judging accuracy: it means nothing.

    Without a schema it says `{}`.
    """

    def answer(self, question: Question) -> Any:
        return {} if question.schema is None else fit(question.schema, chance_of(question))


def chance_of(question: Question) -> random.Random:
    """Chance that falls the same way for the same model and prompt."""
    text = f"{question.model}\0{question.prompt}".encode("utf-8", "surrogatepass")
    return random.Random(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big"))


def as_text(value: Any) -> str:
    """A JSON value as models write it."""
    return json.dumps(value, ensure_ascii=False)
