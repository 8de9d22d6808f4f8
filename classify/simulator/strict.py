"""The rules of OpenAI's strict structured outputs, so that a schema that it would refuse is refused here too."""

from collections.abc import Iterator, Mapping
from typing import Any

_FORBIDDEN = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"}
    | {"default", "unevaluatedProperties", "propertyNames", "uniqueItems", "contains", "minProperties", "maxProperties"}
)
_MAX_NESTING = 10
"""Levels of objects and arrays, as OpenAI documents it."""


def fault_of_strict_schema(schema: Mapping[str, Any]) -> str | None:
    """What OpenAI's servers would object to, in their words; None for a schema that they would take."""
    if schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    if "anyOf" in schema:
        return "In context=(), 'anyOf' is not permitted at the top level."
    for at, part, depth in _parts(schema, (), 0):
        if fault := _fault(part, depth):
            return f"In context={at}, {fault}"
    return None


def _fault(part: object, depth: int) -> str | None:
    if not isinstance(part, Mapping):
        return "a schema must be an object."
    if depth > _MAX_NESTING:
        return f"more than {_MAX_NESTING} levels of nesting are not permitted."
    for keyword in part:
        if keyword in _FORBIDDEN:
            return f"'{keyword}' is not permitted."
    if "$ref" in part and len(part) > 1:
        return f"$ref cannot have keywords {sorted(part.keys() - {'$ref'})}."
    if not part.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
        return "schema must have a 'type' key."
    if part.get("type") == "array" and "items" not in part:
        return "array schema missing items."
    if part.get("type") == "object" or "properties" in part:
        if part.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false."
        missing = [name for name in part.get("properties", {}) if name not in part.get("required", ())]
        if missing:
            return (
                "'required' is required to be supplied and to be an array including every key in properties."
                f" Missing '{missing[0]}'."
            )
    return None


def _parts(part: object, at: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], object, int]]:
    """Every subschema with where it stands and how deep; nothing below one that is too deep already."""
    yield at, part, depth
    if not isinstance(part, Mapping) or depth > _MAX_NESTING:
        return
    for keyword in ("properties", "$defs", "definitions"):
        named = part.get(keyword)
        if isinstance(named, Mapping):
            for name, below in named.items():
                yield from _parts(below, (*at, keyword, str(name)), depth + (keyword == "properties"))
    if "items" in part:
        yield from _parts(part["items"], (*at, "items"), depth + 1)
    alternatives = part.get("anyOf")
    if isinstance(alternatives, list):
        for i, below in enumerate(alternatives):
            yield from _parts(below, (*at, "anyOf", str(i)), depth)
