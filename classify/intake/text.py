"""Text as a database and a prompt can hold it: trimmed, free of control characters, within its limit."""

import re
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite

from classify.errors import InvalidIndicatorError
from classify.intake.mends import Mend, Rule, shown

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""The last of them turn text around, so that it reads as what it is not."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_EXACT_INTEGERS = 2**53
"""Below this a float holds every integer, so 123.0 surely was 123 (tables with gaps write whole numbers like that)."""


def text_of(column: str, value: object, limit: int, mends: list[Mend]) -> str | None:
    """The text of a column, or None for null.

    Parameters
    ----------
    column
        The column's name, for messages.
    value
        What the source has there, of any type.
    limit
        The most characters the column may have after trimming.
    mends
        Where changes are noted.

    Raises
    ------
    InvalidIndicatorError
        When the value is no text and cannot become text, or is too long.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        if (made := _made_text(column, value)) is None:
            mends.append(Mend(Rule.NOT_FINITE_TEXT, column))
            return None
        mends.append(Mend(Rule.MADE_TEXT, column))
        value = made
    text = value.strip()
    if len(text) > limit:
        raise InvalidIndicatorError(f"{column} has {len(text):,} characters, more than {limit:,}")
    if len(text) != len(value):
        mends.append(Mend(Rule.TRIMMED, column))
    if not text.isprintable():  # says at once that there are neither control characters nor surrogates
        text = _cleaned(column, text, mends)
    return text or None


def identifier_of(value: object, limit: int, mends: list[Mend]) -> str:
    """The id: as `text_of`, but what would need cleaning is refused, because two ids could become the same.

    Raises
    ------
    InvalidIndicatorError
        When there is no id, or it cannot be one.
    """
    found: list[Mend] = []
    text = text_of("id", value, limit, found)
    for rule, what in ((Rule.CONTROL_CHARACTERS, "control characters"), (Rule.LONE_SURROGATES, "lone surrogates")):
        if any(mend.rule is rule for mend in found):
            raise InvalidIndicatorError(f"id {shown(value)} has {what}")
    if text is None:
        raise InvalidIndicatorError("no id")
    mends.extend(found)
    return text


def iso(value: date | time) -> str:
    """A date or time in ISO 8601; midnight is left out, since Parquet and pandas write plain days as timestamps."""
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat()


def _made_text(column: str, value: object) -> str | None:
    """Text for a number or a date; None for a number that is none (NaN, infinities)."""
    match value:
        case bool():
            pass
        case int() if abs(value) < 10**40:
            return str(value)
        case float() | Decimal() if not isfinite(value):
            return None
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < _EXACT_INTEGERS else repr(value)
        case Decimal():
            return format(value.normalize(), "f")
        case date():
            return iso(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise InvalidIndicatorError(f"{column} is bytes that are not UTF-8: {shown(value)}") from None
    raise InvalidIndicatorError(f"{column} is {shown(value)}, not text")


def _cleaned(column: str, text: str, mends: list[Mend]) -> str:
    cleaned = _CONTROL.sub("", _BREAKS.sub(" ", text)).strip()
    if cleaned != text:
        mends.append(Mend(Rule.CONTROL_CHARACTERS, column))
    whole = _SURROGATE.sub("\ufffd", cleaned)
    if whole != cleaned:
        mends.append(Mend(Rule.LONE_SURROGATES, column))
    return whole
