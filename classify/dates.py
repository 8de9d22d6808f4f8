"""What the date of an observation means: sources write days, months, quarters, half-years and years."""

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache

_YEAR = r"(?P<year>(?:1[5-9]|2[01])\d\d)"
_FORMS = [
    re.compile(rf"{_YEAR}-(?P<month>\d\d?)-(?P<day>\d\d?)(?:[T ].*)?"),  # 2024-12-01, 2024-12-01T00:00:00Z
    re.compile(rf"{_YEAR}[-/M](?P<month>\d\d?)"),  # 2024-12, 2024/12, 2024M12
    re.compile(rf"{_YEAR}[- ]?Q(?P<quarter>[1-4])"),  # 2024-Q1, 2024Q1
    re.compile(rf"Q(?P<quarter>[1-4])[- ]?{_YEAR}"),  # Q1 2024
    re.compile(rf"{_YEAR}[- ]?[HS](?P<half>[12])"),  # 2024-H1, 2024S1
    re.compile(rf"(?P<month>\d\d?)/(?P<day>\d\d?)/{_YEAR}"),  # 12/31/2024, as US sources write it
    re.compile(rf"(?:FY ?)?{_YEAR}"),  # 2017, FY2017
]


@lru_cache(maxsize=65_536)
def period_end(label: str) -> date | None:
    """The last day of the period that an observation's label names; None where it names no date (`last10YearsAvg`)."""
    for form in _FORMS:
        if match := form.fullmatch(label.strip()):
            parts = {k: int(v) for k, v in match.groupdict().items()}
            month = parts.get("month") or parts.get("quarter", 0) * 3 or parts.get("half", 0) * 6 or 12
            if not 1 <= month <= 12:
                return None
            last = monthrange(parts["year"], month)[1]
            day = parts.get("day", last)
            return date(parts["year"], month, day) if 1 <= day <= last else None
    return None
