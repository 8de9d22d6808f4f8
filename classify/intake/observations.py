"""The sample values of a record as observations: dated, finite, each date once, at most a thousand."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from math import isfinite

from classify.dates import period_end
from classify.errors import InvalidIndicatorError
from classify.intake.mends import Mend, Rule, shown
from classify.intake.text import iso

MOST_OBSERVATIONS = 1_000
_LONGEST_LABEL = 40
_SHOWN_LABELS = 3
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_LONGEST_NUMBER = 400

Dropped = dict[Rule, list[str]]


def observations_of(value: object, mends: list[Mend]) -> list[dict[str, str | float]]:
    """The observations of `sample_values`, as `{"date": str, "value": finite float}` in the order of the source.

    Parameters
    ----------
    value
        A list of `{"date", "value"}` objects, such a list as a JSON string, or null. Other keys are ignored.
    mends
        Where changes are noted, one a rule with the number of observations and the first labels.

    Raises
    ------
    InvalidIndicatorError
        When it is no list, or an entry is no object with a `date`: then the sender means something else than we do,
        and dropping entries would lose all values in silence.
    """
    found: Dropped = {}
    by_label: dict[str, float] = {}
    for entry in _entries(value):
        if not isinstance(entry, Mapping) or "date" not in entry:
            raise InvalidIndicatorError(f"sample_values has an entry that is no {{date, value}} object: {shown(entry)}")
        label, number = _label(entry["date"]), entry.get("value")
        if label is None or period_end(label) is None:
            found.setdefault(Rule.NO_DATE, []).append(str(label or shown(entry["date"])))
        elif number is None:
            found.setdefault(Rule.NO_VALUE, []).append(label)
        elif (finite := _number(number)) is None:
            found.setdefault(Rule.NO_NUMBER, []).append(label)
        else:
            if isinstance(number, str):
                found.setdefault(Rule.VALUE_READ, []).append(label)
            if label in by_label:
                found.setdefault(Rule.REPEATED_DATE, []).append(label)
            by_label[label] = finite
    if len(by_label) > MOST_OBSERVATIONS:
        latest = set(sorted(by_label, key=_day)[-MOST_OBSERVATIONS:])
        found[Rule.TOO_MANY] = [label for label in by_label if label not in latest]
        by_label = {label: number for label, number in by_label.items() if label in latest}
    mends.extend(Mend(rule, f"sample_values: {len(labels):,} ({_some(labels)})") for rule, labels in found.items())
    return [{"date": label, "value": number} for label, number in by_label.items()]


def _entries(value: object) -> Iterable[object]:
    if isinstance(value, str):
        if not value.strip():
            return ()
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidIndicatorError(f"sample_values is text that is no JSON: {shown(value)}") from None
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidIndicatorError(f"sample_values is no list: {shown(value)}")
    return value


def _label(value: object) -> str | None:
    """The label of an observation as clean text; None where it cannot be a date."""
    if isinstance(value, str):
        label = value.strip()
        return label if len(label) <= _LONGEST_LABEL and label.isprintable() else None
    if isinstance(value, date):
        return iso(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10_000 and value == int(value):
        return str(int(value))  # a year
    return None


def _number(value: object) -> float | None:
    """The value as a finite float; None where it is no such number. -0.0 becomes 0.0, as PostgreSQL's jsonb has it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip() if len(value) <= _LONGEST_NUMBER else ""
        if _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
        elif not _PLAIN.fullmatch(text):
            return None
        value = float(text)
    if not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number + 0.0 if isfinite(number) else None


def _day(label: str) -> date:
    day = period_end(label)
    assert day is not None
    return day


def _some(labels: list[str]) -> str:
    return ", ".join(labels[:_SHOWN_LABELS]) + (", …" if len(labels) > _SHOWN_LABELS else "")
