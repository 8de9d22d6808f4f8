"""What a chat completion asks for, taken out of its JSON; what OpenAI's servers refuse is refused here too."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from classify.errors import ClassifyError
from classify.simulator.fitting import MALFORMED
from classify.simulator.strict import fault_of_strict_schema
from classify.simulator.usage import tokens_in

Form = Literal["text", "json_object", "json_schema"]
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_OBJECTS_TRIED = 200


class InvalidQuestionError(ClassifyError):
    """A chat completion that is not valid: the message and the parameter of the error that goes back."""

    def __init__(self, message: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.status = status


@dataclass(frozen=True, slots=True)
class Question:
    """A valid question.

    Parameters
    ----------
    prompt
        All that the model would read, in order: the schema, then each message's role and text.
    form
        What `response_format` asks for.
    schema
        The JSON schema that the answer has to fit: of `json_schema`, or the one that the messages of a
        `json_object` question contain; None when there is none.
    max_tokens
        Tokens that the answer may have; None is no limit.
    tier
        The service tier that is billed: the one asked for.
    """

    model: str
    prompt: str
    form: Form
    schema: Mapping[str, Any] | None
    max_tokens: int | None
    tier: str = "default"

    @property
    def limit_tokens(self) -> int:
        """Tokens that count towards the limit: the larger of the prompt's and the answer's allowance."""
        return max(tokens_in(self.prompt), self.max_tokens or 0)


def read_question(body: bytes) -> Question:
    """The question in the body of a request.

    Raises
    ------
    InvalidQuestionError
        When OpenAI's servers would refuse it, or when it asks for what is not simulated (streams, several choices).
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidQuestionError("We could not parse the JSON body of your request.") from None
    if not isinstance(given, dict):
        raise InvalidQuestionError("We could not parse the JSON body of your request: an object is expected.")
    model = given.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidQuestionError("you must provide a model parameter", "model")
    if given.get("stream") or given.get("n") not in (None, 1):
        raise InvalidQuestionError("The simulator neither streams nor gives several choices.", "stream")
    texts = _texts(given.get("messages"))
    form, schema = _form(given.get("response_format"))
    if form == "json_object":
        spoken = "\n".join(texts)
        if "json" not in spoken.lower():
            raise InvalidQuestionError(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                "messages",
            )
        schema = schema_in(spoken)
    elif schema is not None:
        texts = [json.dumps(schema, separators=(",", ":")), *texts]
    return Question(model, "\n".join(texts), form, schema, _max_tokens(given), _tier(given))


def schema_in(text: str) -> Mapping[str, Any] | None:
    """The first JSON schema of an object that a text contains."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    for _ in range(_MOST_OBJECTS_TRIED):
        if start < 0:
            break
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if isinstance(found, dict) and isinstance(found.get("properties"), dict):
                return found
        start = text.find("{", end)
    return None


def _texts(messages: object) -> list[str]:
    if not isinstance(messages, list) or not messages:
        raise InvalidQuestionError("Invalid 'messages': a non-empty array is expected.", "messages")
    texts = []
    for i, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("system", "developer", "user", "assistant", "tool", "function"):
            raise InvalidQuestionError(f"Invalid value for 'messages[{i}].role'.", f"messages[{i}].role")
        content = message.get("content")
        if isinstance(content, Sequence) and not isinstance(content, str):
            parts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "\n".join(part for part in parts if isinstance(part, str))
        if content is None and role == "assistant":
            content = ""
        if not isinstance(content, str):
            raise InvalidQuestionError(f"Invalid type for 'messages[{i}].content'.", f"messages[{i}].content")
        texts.append(f"{role}\n{content}")
    return texts


def _form(given: object) -> tuple[Form, Mapping[str, Any] | None]:
    if given is None:
        return "text", None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "text":
        return "text", None
    if kind == "json_object":
        return "json_object", None
    if kind != "json_schema" or not isinstance(given, dict):
        raise InvalidQuestionError("Invalid value for 'response_format.type'.", "response_format.type")
    form = given.get("json_schema")
    name = form.get("name") if isinstance(form, dict) else None
    if not isinstance(form, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidQuestionError(
            "Missing or invalid parameter: 'response_format.json_schema.name'.", "response_format.json_schema.name"
        )
    schema = form.get("schema")
    if not isinstance(schema, dict):
        raise InvalidQuestionError(
            "Missing required parameter: 'response_format.json_schema.schema'.", "response_format.json_schema.schema"
        )
    try:
        fault = fault_of_strict_schema(schema) if form.get("strict") else None
    except MALFORMED:
        fault = "the schema is malformed."
    if fault:
        raise InvalidQuestionError(f"Invalid schema for response_format '{name}': {fault}", "response_format")
    return "json_schema", schema


def _tier(given: Mapping[str, Any]) -> str:
    asked = given.get("service_tier")
    return asked if asked in ("flex", "priority") else "default"


def _max_tokens(given: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidQuestionError(f"Invalid value for '{name}': a whole number above zero is expected.", name)
        return value
    return None
