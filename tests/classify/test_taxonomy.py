"""The vocabulary holds together: every type has one family, every family its types."""

from collections import Counter
from typing import get_args

from classify.taxonomy import CUMULATIVE_TYPES, FAMILIES, FAMILY_TYPES, TYPES, Orientation


def test_every_type_belongs_to_exactly_one_family() -> None:
    belongs = Counter(t for types in FAMILY_TYPES.values() for t in types)
    assert belongs == dict.fromkeys(TYPES, 1)
    assert set(FAMILY_TYPES) == set(FAMILIES)


def test_sizes_and_spellings() -> None:
    assert len(FAMILIES) == 8
    assert len(TYPES) == 25
    assert get_args(Orientation) == ("higher-is-positive", "lower-is-positive", "neutral")
    assert set(TYPES) > CUMULATIVE_TYPES
