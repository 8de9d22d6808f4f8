"""Dates of observations: what sources write, and what is no date at all."""

from datetime import date

import pytest

from classify.dates import period_end


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("2024-12-01", date(2024, 12, 1)),
        ("2024-12-01T00:00:00Z", date(2024, 12, 1)),
        ("2024-12", date(2024, 12, 31)),
        ("2024M2", date(2024, 2, 29)),
        ("2023/02", date(2023, 2, 28)),
        ("2024-Q1", date(2024, 3, 31)),
        ("2024Q4", date(2024, 12, 31)),
        ("Q2 2024", date(2024, 6, 30)),
        ("2024-H1", date(2024, 6, 30)),
        ("2024S2", date(2024, 12, 31)),
        ("2017", date(2017, 12, 31)),
        ("FY2017", date(2017, 12, 31)),
        ("12/31/2024", date(2024, 12, 31)),
        (" 2017 ", date(2017, 12, 31)),
        ("last10YearsAvg", None),
        ("2024-13", None),
        ("2024-13-45", None),
        ("2024-02-30", None),
        ("2024-Q5", None),
        ("0001", None),
        ("9999", None),
        ("", None),
    ],
)
def test_period_end(label: str, expected: date | None) -> None:
    assert period_end(label) == expected
