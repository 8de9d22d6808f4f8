"""Answers fit the schema asked for, and the same question gets the same answer."""

import contextlib
import json
import random
from typing import Any, Literal

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from classify.simulator.fitting import UnfitSchemaError, fit
from classify.simulator.question import InvalidQuestionError, read_question, schema_in
from classify.simulator.strict import fault_of_strict_schema

names = st.text("abcxyz/~", min_size=1, max_size=4)
numbers = st.integers(-1000, 1000)
constants = st.none() | st.booleans() | numbers | st.text(max_size=5)


def bounded(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    lows = st.fixed_dictionaries({}, optional={"minimum": numbers})
    highs = st.fixed_dictionaries({}, optional={"maximum": st.integers(1000, 3000)})
    return st.builds(lambda low, high: {"type": kind, **low, **high}, lows, highs)


leaves = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "string"}, {"$ref": "#/$defs/a"}]),
    bounded("number"),
    bounded("integer"),
    st.builds(lambda values: {"enum": values}, st.lists(constants, min_size=1, max_size=4)),
    st.builds(lambda value: {"const": value}, constants),
    st.builds(lambda n: {"type": "string", "minLength": n, "maxLength": n + 3}, st.integers(0, 200)),
    st.just({"type": ["string", "null"], "maxLength": 4}),
)


def objects(below: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], optional: int) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties)[optional:],
            "additionalProperties": False,
        }

    return st.builds(build, st.dictionaries(names, below, max_size=4), st.integers(0, 2))


def nested(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(
        lambda items, n: {"type": "array", "items": items, "minItems": n, "maxItems": n + 2}, below, st.integers(0, 2)
    )
    unions = st.builds(lambda parts: {"anyOf": parts}, st.lists(below, min_size=1, max_size=3))
    return st.one_of(objects(below), arrays, unions)


schemas = objects(st.recursive(leaves, nested, max_leaves=12))
definitions = st.one_of(bounded("number"), st.just({"anyOf": [{"$ref": "#/$defs/a/anyOf/1"}, {"type": "null"}]}))


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """A validator of the keywords above, written without regard to how values are made."""
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[int(step)] if isinstance(target, list) else target[step]
        return fits(value, target, root)
    if "anyOf" in schema:
        return any(fits(value, one, root) for one in schema["anyOf"])
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(_is(value, kind, schema, root) for kind in kinds)


def _is(value: Any, kind: str, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        longest = schema.get("maxLength", float("inf"))
        return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= longest
    if kind in ("number", "integer"):
        right = isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
        return right and schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if kind == "array":
        right = isinstance(value, list) and schema["minItems"] <= len(value) <= schema["maxItems"]
        return right and all(fits(one, schema["items"], root) for one in value)
    return (
        isinstance(value, dict)
        and set(schema["required"]) <= set(value) <= set(schema["properties"])
        and all(fits(below, schema["properties"][name], root) for name, below in value.items())
    )


@given(schemas, definitions, st.integers())
def test_what_is_said_fits_any_schema(schema: dict[str, Any], definition: dict[str, Any], seed: int) -> None:
    schema = {**schema, "$defs": {"a": definition}}
    try:
        value = fit(schema, random.Random(seed))
    except UnfitSchemaError:
        assert "anyOf" in definition or "anyOf" in json.dumps(schema)  # #/$defs/a/anyOf/1 names itself: no way out
        return
    assert fits(json.loads(json.dumps(value)), schema, schema)
    assert value == fit(schema, random.Random(seed))


words = ["type", "properties", "required", "items", "enum", "anyOf", "$ref", "minItems", "multipleOf", "minimum"]
junk = st.recursive(
    constants | st.sampled_from(["object", "array", "integer", "#/a", "string"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(words), below, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(words), junk), st.booleans())
def test_malformed_schemas_are_refused_or_ignored(schema: dict[str, Any], strict: bool) -> None:
    form = {"name": "n", "strict": strict, "schema": schema}
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    asked["response_format"] = {"type": "json_schema", "json_schema": form}
    with contextlib.suppress(InvalidQuestionError):
        read_question(json.dumps(asked).encode())
    with contextlib.suppress(UnfitSchemaError):
        fit(schema, random.Random(1))


def test_a_schema_nested_too_deeply_is_refused(endpoint: Any) -> None:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(300):
        schema = {"anyOf": [schema]}
    root = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    for strict in (True, False):
        form = {"name": "n", "strict": strict, "schema": root}
        with pytest.raises(openai.BadRequestError):
            endpoint.ask(response_format={"type": "json_schema", "json_schema": form})


def test_recursive_schemas_come_to_an_end() -> None:
    tree: dict[str, Any] = {"type": "object", "required": ["left", "right", "more"], "additionalProperties": False}
    branch = {"anyOf": [{"$ref": "#"}, {"type": "null"}]}
    tree["properties"] = {"left": branch, "right": branch, "more": {"type": "array", "items": {"$ref": "#"}}}
    for seed in range(50):
        json.dumps(fit(tree, random.Random(seed)))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "other.json"},
        {"enum": []},
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        {"type": "number", "minimum": 2, "maximum": 1},
        {"type": "poem"},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": "array", "minItems": 2, "items": False},
        {"allOf": [{"type": "string"}, {"minLength": 1}]},
    ],
)
def test_schemas_that_nothing_fits(schema: dict[str, Any]) -> None:
    with pytest.raises(UnfitSchemaError):
        fit(schema, random.Random(1))


@given(st.floats(-1e300, 1e300), st.floats(0, 1e300), st.integers())
def test_numbers_stay_between_their_bounds(low: float, width: float, seed: int) -> None:
    high = low + width
    assert low <= fit({"type": "number", "minimum": low, "maximum": high}, random.Random(seed)) <= high
    whole = fit({"type": "integer", "exclusiveMinimum": low, "multipleOf": 3}, random.Random(seed))
    assert whole > low
    assert whole % 3 == 0


class Label(BaseModel):
    """A model as the stages have them."""

    family: Literal["physical", "price", "other"]
    confidence: float = Field(ge=0, le=1)
    reasoning: str | None


def test_the_client_parses_a_pydantic_model(endpoint: Any) -> None:
    def ask(prompt: str) -> Label:
        messages: Any = [{"role": "user", "content": prompt}]
        made = endpoint.client.chat.completions.parse(model="gpt-5", messages=messages, response_format=Label)
        assert made.model == "simulated-gpt-5"
        parsed = made.choices[0].message.parsed
        assert isinstance(parsed, Label)
        return parsed

    answers = [ask(f"question {i}") for i in range(20)]
    assert answers == [ask(f"question {i}") for i in range(20)]
    assert len({answer.family for answer in answers}) == 3


def test_json_object_uses_the_schema_in_the_messages(endpoint: Any) -> None:
    prompt = f'Answer {{in}} JSON, {{"like": 1}}, that fits {json.dumps(Label.model_json_schema())}. Thanks {{'
    said = endpoint.ask(prompt, response_format={"type": "json_object"}).choices[0].message.content
    Label.model_validate_json(said)


@given(st.text(alphabet='{}[]":, ab\\', max_size=200))
def test_looking_for_a_schema_never_fails(text: str) -> None:
    assert schema_in(text) is None or "properties" in text


def test_plain_text(endpoint: Any) -> None:
    assert "simulated" in endpoint.ask(response_format={"type": "text"}).choices[0].message.content


def test_a_long_answer_is_cut_at_the_allowance(endpoint: Any) -> None:
    made = endpoint.ask(max_completion_tokens=2)
    assert made.choices[0].finish_reason == "length"
    assert made.usage.completion_tokens == 2


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"additionalProperties": True}, "additionalProperties"),
        ({"required": []}, "'required'"),
        ({"type": "array"}, "type"),
        ({"anyOf": []}, "anyOf"),
        ({"properties": {"a": {"type": "string", "default": ""}}}, "'default'"),
        ({"properties": {"a": {"$ref": "#", "title": "A"}}}, r"\$ref"),
        ({"properties": {"a": {"type": "array"}}}, "items"),
        ({"properties": {"a": {}}}, "'type' key"),
        ({"properties": {"a": {"type": "object", "properties": {}}}}, "properties"),
    ],
)
def test_strict_schemas_that_openai_refuses(endpoint: Any, change: dict[str, Any], complaint: str) -> None:
    assert fault_of_strict_schema(STRICT) is None
    form = {"name": "n", "strict": True, "schema": {**STRICT, **change}}
    with pytest.raises(openai.BadRequestError, match=complaint):
        endpoint.ask(response_format={"type": "json_schema", "json_schema": form})
