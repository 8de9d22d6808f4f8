"""What intake changed about a record, in a form that can be counted (the rule) and shown (the detail)."""

from enum import Enum
from typing import NamedTuple


class Rule(Enum):
    """Every way in which a record is mended; the value is the sentence that a person reads."""

    TRIMMED = "white space around text removed"
    CONTROL_CHARACTERS = "control characters removed from text (tabs and line breaks made a space)"
    LONE_SURROGATES = "lone surrogates in text replaced by U+FFFD"
    MADE_TEXT = "number or date taken as text"
    NOT_FINITE_TEXT = "NaN or infinity where text is expected taken as null"
    VALUE_READ = "number written as text read as a number"
    NO_VALUE = "observation without a value dropped"
    NO_NUMBER = "observation whose value is no finite number dropped"
    NO_DATE = "observation whose date names no date dropped"
    REPEATED_DATE = "earlier observation of a repeated date dropped"
    TOO_MANY = "observations beyond the latest 1,000 dropped"
    UNKNOWN_COLUMN = "unknown column ignored"


class Mend(NamedTuple):
    """One change: which rule, and where (`units`, or `sample_values: 2 (last10YearsAvg, 2024-13-45)`)."""

    rule: Rule
    detail: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.rule.value}"


def shown(value: object, limit: int = 60) -> str:
    """A value for a one-line message: cut before it is quoted, so a million characters cost nothing."""
    if isinstance(value, str | bytes) and len(value) > limit:
        return f"{value[:limit]!r}…"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str | bytes | float):
        return repr(value)
    names = {list: "a list", dict: "an object", int: "a number"}
    return names.get(type(value), f"a value of type {type(value).__name__}")
