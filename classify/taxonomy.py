"""The vocabulary of the answers: every enumeration with its exact spelling, and the family of each type.

The spellings are stored and exported; others rely on them.
"""

from typing import Literal, get_args

NormalizedScale = Literal["raw-units", "hundreds", "thousands", "millions", "billions", "trillions", "percent", "index"]
UnitType = Literal[
    "currency-amount", "percentage", "index", "ratio", "count", "physical", "rate", "duration", "unknown"
]
Frequency = Literal["daily", "weekly", "monthly", "quarterly", "semi-annual", "annual", "point-in-time"]
TimeBasis = Literal["per-period", "point-in-time", "cumulative"]
Pattern = Literal["ytd", "running_total", "periodic", "unknown"]
Family = Literal[
    "physical-fundamental",
    "numeric-measurement",
    "price-value",
    "change-movement",
    "composite-derived",
    "temporal",
    "qualitative",
    "other",
]
IndicatorType = Literal[
    "stock", "flow", "balance", "capacity", "volume",
    "count", "percentage", "ratio", "spread", "share",
    "price", "yield",
    "rate", "volatility", "gap",
    "index", "correlation", "elasticity", "multiplier",
    "duration", "probability", "threshold",
    "sentiment", "allocation",
    "other",
]  # fmt: skip
TemporalAggregation = Literal[
    "point-in-time", "period-rate", "period-cumulative", "period-average", "period-total", "not-applicable"
]
Orientation = Literal["higher-is-positive", "lower-is-positive", "neutral"]

FAMILY_TYPES: dict[Family, tuple[IndicatorType, ...]] = {
    "physical-fundamental": ("stock", "flow", "balance", "capacity", "volume"),
    "numeric-measurement": ("count", "percentage", "ratio", "spread", "share"),
    "price-value": ("price", "yield"),
    "change-movement": ("rate", "volatility", "gap"),
    "composite-derived": ("index", "correlation", "elasticity", "multiplier"),
    "temporal": ("duration", "probability", "threshold"),
    "qualitative": ("sentiment", "allocation"),
    "other": ("other",),
}

CURRENCY_AMOUNT: UnitType = "currency-amount"
"""The unit type of amounts of money: the indicators that are currency-denominated."""

CUMULATIVE_TYPES: frozenset[IndicatorType] = frozenset({"flow", "volume", "count"})
"""The only types whose values can add up within a year or for ever."""

FAMILIES: tuple[Family, ...] = get_args(Family)
TYPES: tuple[IndicatorType, ...] = get_args(IndicatorType)
