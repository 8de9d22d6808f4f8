"""Values that fit a JSON schema, drawn at random: what a model with structured outputs could have said."""

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from classify.errors import ClassifyError

_DEPTH = 4
"""Below it, whatever ends soonest is chosen."""
_MAX_DEPTH = 40
_MAX_VISITS = 20_000
"""Subschemas looked at for one value; more is a schema without an end."""
_WORDS = ("simulated", "answer", "of", "no", "meaning", "whatever", "the", "question", "was")
_SHARE = "0 to 1"
"""In a description: the bounds of a number whose schema has none, since many servers refuse them in strict schemas."""
_SCALARS = frozenset({"null", "boolean", "integer", "number", "string"})


MALFORMED = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What a schema raises that is none: `properties` that are a list, `minItems` that is a word."""


class UnfitSchemaError(ClassifyError):
    """A schema that no value fits, or with a keyword that is not simulated; the message says which."""


def fit(schema: Mapping[str, Any], chance: random.Random) -> Any:
    """A value that fits `schema`; the same state of `chance` gives the same value.

    Understood: `type` (also a list), `enum`, `const`, `properties`, `required`, `items`, `minItems`, `maxItems`,
    `anyOf`, `oneOf`, `$ref` into the schema itself, `allOf` of one, `minLength`, `maxLength`, `minimum`, `maximum`,
    both exclusive ones, `multipleOf`; and "0 to 1" in the description of a number without bounds. `pattern` and
    `format` are not obeyed; all else is ignored.

    Raises
    ------
    UnfitSchemaError
        When no value can fit, as far as can be seen.
    """
    try:
        return _Fitter(schema, chance).value(schema, 0)
    except MALFORMED as error:
        raise UnfitSchemaError("the schema is malformed") from error


class _Fitter:
    def __init__(self, root: Mapping[str, Any], chance: random.Random) -> None:
        self._root = root
        self._chance = chance
        self._visits = 0

    def value(self, schema: object, depth: int) -> Any:
        self._visits += 1
        if self._visits > _MAX_VISITS or depth > _MAX_DEPTH:
            raise UnfitSchemaError("the schema has no end")
        if schema is True:
            return None
        if not isinstance(schema, Mapping):
            raise UnfitSchemaError(f"nothing fits {schema!r}")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            if not schema["enum"]:
                raise UnfitSchemaError("an enum is empty")
            return self._chance.choice(schema["enum"])
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            return self._first_that_fits(alternatives, depth)
        types = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(types, list):
            return self._first_that_fits([{**schema, "type": one} for one in types], depth)
        return self._of_type(types, schema, depth)

    def _first_that_fits(self, alternatives: Sequence[Any], depth: int) -> Any:
        order = list(alternatives)
        self._chance.shuffle(order)
        if depth >= _DEPTH:
            order.sort(key=lambda one: not self._is_scalar(one))
        for i, one in enumerate(order):
            try:
                return self.value(one, depth + 1)
            except UnfitSchemaError:
                if i == len(order) - 1:
                    raise
        raise UnfitSchemaError("no alternatives")

    def _is_scalar(self, schema: object) -> bool:
        return isinstance(schema, Mapping) and (schema.get("type") in _SCALARS or "enum" in schema or "const" in schema)

    def _of_type(self, type: object, schema: Mapping[str, Any], depth: int) -> Any:
        if type == "object":
            return self._object(schema, depth)
        if type == "array":
            return self._array(schema, depth)
        if type == "string":
            return self._string(schema)
        if type in ("number", "integer"):
            return self._number(schema, whole=type == "integer")
        if type == "boolean":
            return self._chance.random() < 0.5
        if type == "null":
            return None
        raise UnfitSchemaError(f"there is no type {type!r}")

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        made = {}
        for name, below in properties.items():
            if name in required:
                made[name] = self.value(below, depth + 1)
            elif depth < _DEPTH:
                try:
                    made[name] = self.value(below, depth + 1)
                except UnfitSchemaError:
                    continue
        for name in required:
            if name not in made:
                made[name] = self.value(schema.get("additionalProperties", True), depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        fewest = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(3, fewest)))
        if fewest > most:
            raise UnfitSchemaError("minItems is above maxItems")
        length = fewest if depth >= _DEPTH else self._chance.randint(fewest, min(most, fewest + 3))
        made: list[Any] = []
        try:
            while len(made) < length:
                made.append(self.value(schema.get("items", True), depth + 1))
        except UnfitSchemaError:
            if len(made) < fewest:
                raise
        return made

    def _string(self, schema: Mapping[str, Any]) -> str:
        shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
        if longest is not None and shortest > longest:
            raise UnfitSchemaError("minLength is above maxLength")
        text = " ".join(self._chance.choices(_WORDS, k=self._chance.randint(3, 12)))
        text = text.ljust(shortest, ".")
        return text if longest is None else text[: int(longest)]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        low, high = _bounds(schema, whole=whole)
        step = schema.get("multipleOf", 1 if whole else None)
        if step is not None:
            # Exact: beyond 2**53 the quotient of floats would miss the bounds.
            first, last = math.ceil(Fraction(low) / Fraction(step)), math.floor(Fraction(high) / Fraction(step))
            if first > last:
                raise UnfitSchemaError("no multiple lies between minimum and maximum")
            multiple: float = self._chance.randint(first, last) * step
            if whole and multiple != int(multiple):
                raise UnfitSchemaError("a fractional multipleOf of an integer is not simulated")
            return int(multiple) if whole else multiple
        if low > high:
            raise UnfitSchemaError("minimum is above maximum")
        share = self._chance.random()
        rounded = round(low * (1 - share) + high * share, 2)
        return min(high, max(low, rounded))

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while True:
            self._visits += 1
            if self._visits > _MAX_VISITS:
                raise UnfitSchemaError("the schema has no end")
            if isinstance(schema.get("$ref"), str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._target(schema["$ref"]), **rest}
            elif isinstance(schema.get("allOf"), list):
                if len(schema["allOf"]) != 1 or not isinstance(schema["allOf"][0], Mapping):
                    raise UnfitSchemaError("allOf of several is not simulated")
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                schema = {**schema["allOf"][0], **rest}
            else:
                return schema

    def _target(self, ref: str) -> Mapping[str, Any]:
        place: Any = self._root
        for step in unquote(ref.removeprefix("#")).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            try:
                place = place[int(key) if isinstance(place, list) else key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise UnfitSchemaError(f"{ref} points at nothing") from None
        if not ref.startswith("#") or not isinstance(place, Mapping):
            raise UnfitSchemaError(f"{ref} points at nothing")
        return place


def _bounds(schema: Mapping[str, Any], *, whole: bool) -> tuple[float, float]:
    """The least and the greatest number that a schema allows, within a hundred of the bound where there is one only."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if whole:
        low = None if low is None else math.ceil(low)
        high = None if high is None else math.floor(high)
        above = None if above is None else math.floor(above) + 1
        below = None if below is None else math.ceil(below) - 1
    else:
        above = None if above is None else math.nextafter(above, math.inf)
        below = None if below is None else math.nextafter(below, -math.inf)
    if low is high is above is below is None and _SHARE in str(schema.get("description", "")):
        return 0, 1
    lows = [bound for bound in (low, above) if bound is not None]
    highs = [bound for bound in (high, below) if bound is not None]
    if lows:
        return max(lows), min(highs) if highs else max(lows) + 100
    return (min(highs) - 100 if highs else 0), min(highs, default=100)
