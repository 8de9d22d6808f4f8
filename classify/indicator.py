"""The input record: one economic indicator as its source publishes it, validated.

`classify.intake` turns what people really send into this form; everything behind it can rely on it.
"""

import hashlib
import json
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from classify.dates import period_end


class Observation(BaseModel):
    """One sample value: `date` as the source writes it (`2024-12-01`, `2024-12`, `2024-Q1`, `2017`), `value` finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    date: str
    value: float


class Indicator(BaseModel):
    """One economic indicator; only `id` and `name` are sure to be there.

    Text is free of control characters and within the limits that `classify.intake` enforces;
    `sample_values` keeps the order of the source (some publish the newest first).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    units: str | None = None
    long_name: str | None = None
    source_name: str | None = None
    periodicity: str | None = None
    aggregation_method: str | None = None
    scale: str | None = None
    topic: str | None = None
    category_group: str | None = None
    dataset: str | None = None
    currency_code: str | None = None
    definition: str | None = None
    sample_values: tuple[Observation, ...] = ()

    def series(self) -> list[tuple[date, float]]:
        """The observations in time order as (last day of the period, value); labels that name no date are left out."""
        dated = [(period_end(o.date), o.value) for o in self.sample_values]
        return sorted((day, value) for day, value in dated if day is not None)

    def fingerprint(self) -> str:
        """A hash of everything that can change a label: the same fingerprint needs no new run (32 hex digits)."""
        content = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
