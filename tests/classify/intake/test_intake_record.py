"""One raw record: what is mended, what is refused, and that the million-character field costs nothing."""

import json
import time
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from classify.errors import InvalidIndicatorError
from classify.indicator import Observation
from classify.intake import Rule, indicator_from

PLAIN: dict[str, Any] = {"id": "A", "name": "Alpha"}


def observed(values: Any) -> tuple[list[tuple[str, float]], dict[Rule, str]]:
    indicator, mends = indicator_from({**PLAIN, "sample_values": values})
    return [(o.date, o.value) for o in indicator.sample_values], dict(mends)


def one(value: Any, day: Any = "2024-01") -> list[dict[str, Any]]:
    return [{"date": day, "value": value}]


def test_clean_record_stays_as_it_is() -> None:
    record = {**PLAIN, "units": "USD", "periodicity": "MONTHLY", "definition": "Ünïcode é", "sample_values": one(1.5)}
    indicator, mends = indicator_from(record)
    assert mends == ()
    assert indicator.model_dump(exclude_none=True) == {**record, "sample_values": tuple(one(1.5))}
    assert indicator.sample_values == (Observation(date="2024-01", value=1.5),)


@pytest.mark.parametrize(
    ("value", "text", "rule"),
    [
        ("  USD \t", "USD", Rule.TRIMMED),
        ("", None, None),
        ("   ", None, Rule.TRIMMED),
        ("a\x00b", "ab", Rule.CONTROL_CHARACTERS),
        ("\x01", None, Rule.CONTROL_CHARACTERS),
        ("a\r\n\tb", "a b", Rule.CONTROL_CHARACTERS),
        ("a\x00 ", "a", Rule.TRIMMED),
        ("\ud800x", "\ufffdx", Rule.LONE_SURROGATES),
        (1.0, "1", Rule.MADE_TEXT),
        (1.5, "1.5", Rule.MADE_TEXT),
        (-7, "-7", Rule.MADE_TEXT),
        (1e300, "1e+300", Rule.MADE_TEXT),
        (Decimal("12.50"), "12.5", Rule.MADE_TEXT),
        (date(2024, 1, 31), "2024-01-31", Rule.MADE_TEXT),
        (datetime(2024, 1, 31), "2024-01-31", Rule.MADE_TEXT),
        (b"USD", "USD", Rule.MADE_TEXT),
        (float("nan"), None, Rule.NOT_FINITE_TEXT),
        (float("-inf"), None, Rule.NOT_FINITE_TEXT),
        ("NA", "NA", None),
        ("\u00a0", None, Rule.TRIMMED),
        ("e\u0301", "e\u0301", None),
    ],
)
def test_text_is_mended(value: Any, text: str | None, rule: Rule | None) -> None:
    indicator, mends = indicator_from({**PLAIN, "units": value})
    assert indicator.units == text
    assert (rule is None and not mends) or rule in {mend.rule for mend in mends}
    indicator.model_dump_json().encode()


def test_mend_reads_as_a_sentence() -> None:
    _, mends = indicator_from({**PLAIN, "units": " x"})
    assert [str(mend) for mend in mends] == ["units: white space around text removed"]


@pytest.mark.parametrize(("value", "text"), [(123, "123"), (123.0, "123"), (" A ", "A"), ("-0", "-0")])
def test_id_is_mended(value: Any, text: str) -> None:
    assert indicator_from({"id": value, "name": "x"})[0].id == text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "no id"),
        ({"id": " "}, "no id"),
        ({"id": float("nan")}, "no id"),
        ({"id": "a\x00b"}, "id 'a\\x00b' has control characters"),
        ({"id": "a\nb"}, "id 'a\\nb' has control characters"),
        ({"id": "a\udfff"}, "id 'a\\udfff' has lone surrogates"),
        ({"id": True}, "id is true, not text"),
        ({"id": 10**5000}, "id is a number, not text"),
        ({"id": "x" * 256}, "id has 256 characters, more than 255"),
        ({"name": None}, "no name"),
        ({"name": "\x00"}, "no name"),
        ({"name": "x" * 1001}, "name has 1,001 characters, more than 1,000"),
        ({"name": ["x"]}, "name is a list, not text"),
        ({"units": False}, "units is false, not text"),
        ({"units": {"a": 1}}, "units is an object, not text"),
        ({"units": b"\xff"}, "units is bytes that are not UTF-8: b'\\xff'"),
        ({"definition": "x" * 10_001}, "definition has 10,001 characters, more than 10,000"),
        ({"sample_values": {"2024": 1}}, "sample_values is no list: an object"),
        ({"sample_values": 7}, "sample_values is no list: a number"),
        ({"sample_values": "[1"}, "sample_values is text that is no JSON: '[1'"),
        ({"sample_values": "7"}, "sample_values is no list: a number"),
        ({"sample_values": "[" * 100_000}, "sample_values is text that is no JSON: '" + "[" * 60 + "'…"),
        ({"sample_values": [1]}, "sample_values has an entry that is no {date, value} object: a number"),
        ({"sample_values": [None]}, "sample_values has an entry that is no {date, value} object: null"),
        ({"sample_values": [{"value": 1}]}, "sample_values has an entry that is no {date, value} object: an object"),
    ],
)
def test_record_is_rejected(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidIndicatorError) as error:
        indicator_from({**PLAIN, **change})
    assert str(error.value) == reason


@pytest.mark.parametrize("record", [None, 1, "x", [], True])
def test_what_is_no_object_is_rejected(record: Any) -> None:
    with pytest.raises(InvalidIndicatorError, match="not a JSON object but"):
        indicator_from(record)


@pytest.mark.parametrize(
    ("change"), [{"id": "x" * 255}, {"name": "x" * 1000}, {"definition": "x" * 10_000}, {"units": " " * 1_000_000}]
)
def test_limits_are_inclusive_and_count_trimmed_text(change: dict[str, Any]) -> None:
    indicator_from({**PLAIN, **change})


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x00" * 1_000_000, "\ud800" * 1_000_000])
def test_a_million_characters_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidIndicatorError) as error:
        indicator_from({**PLAIN, "definition": text})
    assert time.perf_counter() - start < 0.5
    assert len(str(error.value)) < 100


@pytest.mark.parametrize(
    ("value", "number"),
    [("1,234.5", 1234.5), ("-1,234,567", -1234567.0), (" 12 ", 12.0), ("+.5", 0.5), ("1e3", 1000.0), ("7.", 7.0)],
)
def test_number_as_text_is_read(value: str, number: float) -> None:
    values, mends = observed(one(value))
    assert values == [("2024-01", number)]
    assert list(mends) == [Rule.VALUE_READ]


@pytest.mark.parametrize("value", [1, 2.5, Decimal("0.1"), -3])
def test_number_is_taken(value: Any) -> None:
    assert observed(one(value)) == ([("2024-01", float(value))], {})


@pytest.mark.parametrize("value", [-0.0, "-0", "-0.0"])
def test_minus_zero_is_zero(value: Any) -> None:
    (_, number), *_ = observed(one(value))[0]
    assert repr(number) == "0.0"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, Rule.NO_VALUE),
        *(
            (value, Rule.NO_NUMBER)
            for value in (
                float("nan"), float("inf"), -float("inf"), 10**400, True, False, "NaN", "inf", "1e999", "", "n/a", "..",
                "12,5", "1_000", "1,23", "5%", "0x10", "٣", "9" * 1_000_000, [], {}, Decimal("NaN"), b"1",
            )
        ),
    ],
)  # fmt: skip
def test_observation_without_a_number_is_dropped(value: Any, rule: Rule) -> None:
    assert observed([*one(value), *one(1, "2024-02")]) == (
        [("2024-02", 1.0)],
        {rule: "sample_values: 1 (2024-01)"},
    )


def test_missing_value_is_null() -> None:
    assert observed([{"date": "2024-01"}]) == ([], {Rule.NO_VALUE: "sample_values: 1 (2024-01)"})


@pytest.mark.parametrize(
    "day",
    ["last10YearsAvg", "2024-13-45", "2024-02-30", "", None, True, 1704067200000, 2017.5, float("nan"), {}, [],
     "x" * 99, "2024-01-01T\x00", "2024-01-01 \ud800", "2024-01-01 " + "0" * 1_000_000],
)  # fmt: skip
def test_observation_without_a_date_is_dropped(day: Any) -> None:
    values, mends = observed([*one(1, day), *one(2)])
    assert values == [("2024-01", 2.0)]
    assert list(mends) == [Rule.NO_DATE]
    assert len(mends[Rule.NO_DATE]) < 120


@pytest.mark.parametrize(
    ("day", "label"),
    [
        ("2024-Q1", "2024-Q1"),
        (" 2017 ", "2017"),
        (2017, "2017"),
        (2017.0, "2017"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 12), "2024-01-31T12:00:00"),
    ],
)
def test_date_is_kept_as_the_source_writes_it(day: Any, label: str) -> None:
    assert observed(one(1, day)) == ([(label, 1.0)], {})


def test_later_entry_of_a_repeated_date_holds() -> None:
    values, mends = observed([*one(1), *one(5, "2024-02"), *one(2)])
    assert values == [("2024-01", 2.0), ("2024-02", 5.0)]
    assert mends == {Rule.REPEATED_DATE: "sample_values: 1 (2024-01)"}


def test_only_the_latest_thousand_are_kept_in_the_order_of_the_source() -> None:
    days = [f"{1900 + i // 12}-{i % 12 + 1:02d}" for i in range(1_002)]
    values, mends = observed([{"date": day, "value": 1} for day in reversed(days)])
    assert [day for day, _ in values] == list(reversed(days[2:]))
    assert mends == {Rule.TOO_MANY: "sample_values: 2 (1900-02, 1900-01)"}


def test_mend_shows_only_the_first_labels() -> None:
    _, mends = observed([{"date": f"label{i}", "value": 1} for i in range(5_000)])
    assert mends == {Rule.NO_DATE: "sample_values: 5,000 (label0, label1, label2, …)"}


@pytest.mark.parametrize("values", [None, "", "  ", "null", "[]", []])
def test_no_sample_values(values: Any) -> None:
    assert observed(values) == ([], {})


def test_sample_values_as_json_text_are_parsed() -> None:
    assert observed(json.dumps(one(1.5))) == ([("2024-01", 1.5)], {})


def test_other_columns_and_keys_are_ignored() -> None:
    indicator, mends = indicator_from({**PLAIN, "country": "GH", "sample_values": [{**one(1)[0], "status": "final"}]})
    assert len(indicator.sample_values) == 1
    assert mends == ()
