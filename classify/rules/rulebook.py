"""How rules about words, units and values are written down and applied: an ordered table, the first that fits wins.

The stages that judge what an indicator *is* (family, type, orientation) share this, so that a rule reads the same
everywhere: what it answers, how sure it is, why, and what it looks for.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from classify.indicator import Indicator
from classify.rules.text import any_of
from classify.taxonomy import UnitType

A = TypeVar("A")

Values = Literal["signed", "unsigned", "small"]
"""What a rule may ask of the sample values: some below zero, none below zero, all within ±75."""

_BRACKET = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_TAIL = re.compile(r"[,;:]?\s+(?:(?:as|in) )?(?:a )?(?P<unit>(?:%|per ?cent) of .*)$", re.I)
_SMALL = 75.0
_LONGEST = 400
"""Characters of a name or unit that are looked at: what matters stands in front, and rules stay quick."""
_SPACES = re.compile(r"[\s_]+")


@dataclass(frozen=True)
class Subject:
    """An indicator as rules look at it.

    `head` is the name without brackets and "% of …" at its end, `unit` the units and what was taken from the name,
    `area` the publisher's topic and category, `low` and `high` the range of the sample values (None without values).
    """

    head: str
    unit: str
    kind: UnitType
    area: str
    frequency: str
    sureness: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, indicator: Indicator, kind: UnitType, sureness: float) -> "Subject":
        """What rules may look at: `kind` of unit, read with that `sureness`. The long name completes a mere code."""
        name = indicator.name
        if indicator.long_name and (name == name.upper() or not re.search(r"[\s]", name)):
            name = f"{name} {indicator.long_name}"
        inner = _BRACKET.findall(name)
        head = _SPACES.sub(" ", _BRACKET.sub(" ", name)).strip()
        if tail := _TAIL.search(head):
            inner.append(tail["unit"])
            head = head[: tail.start()] or head
        units = dict.fromkeys(part.strip() for part in (indicator.units or "", *inner) if part.strip())
        values = [o.value for o in indicator.sample_values]
        return cls(
            head=(head or name)[:_LONGEST],
            unit="; ".join(units)[:_LONGEST],
            kind=kind,
            area=" ".join(filter(None, (indicator.topic, indicator.category_group))),
            frequency=(indicator.periodicity or "").lower(),
            sureness=sureness,
            low=min(values, default=None),
            high=max(values, default=None),
        )

    def shows(self, values: Values) -> bool:
        """Whether the sample values are of that sort; without values, no."""
        if self.low is None or self.high is None:
            return False
        if values == "small":
            return self.low >= -_SMALL and self.high <= _SMALL
        return (self.low < 0) == (values == "signed")


@dataclass(frozen=True)
class Rule(Generic[A]):
    """`answer`, with `sure` from 0 to 1, `because` (a clause), where everything that is given fits.

    `head`, `unit`, `area` and `frequency` (the periodicity) are searched; `unless` must not be in the head,
    `unless_unit` not in the unit; `anywhere` may be in the head or in the unit; `kinds` are the kinds of unit it is
    about (empty: any).
    """

    answer: A
    sure: float
    because: str
    head: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    unit: re.Pattern[str] | None = None
    unless_unit: re.Pattern[str] | None = None
    anywhere: re.Pattern[str] | None = None
    area: re.Pattern[str] | None = None
    frequency: re.Pattern[str] | None = None
    values: Values | None = None
    kinds: frozenset[str] = frozenset()

    def match(self, subject: Subject) -> "Match[A] | None":
        """The match, with the evidence in words; None where the rule does not fit."""
        if self.kinds and subject.kind not in self.kinds:
            return None
        evidence: list[str] = []
        for pattern, text, place in (
            (self.head, subject.head, "the name says"),
            (self.unit, subject.unit, "the unit says"),
            (self.area, subject.area, "the topic says"),
            (self.frequency, subject.frequency, "published"),
        ):
            if pattern is not None:
                found = pattern.search(text)
                if not found:
                    return None
                evidence.append(_quoted(place, found))
        if self.anywhere is not None:
            found = self.anywhere.search(subject.head)
            place = "the name says"
            if not found:
                found, place = self.anywhere.search(subject.unit), "the unit says"
            if not found:
                return None
            evidence.append(_quoted(place, found))
        if self.unless is not None and self.unless.search(subject.head):
            return None
        if self.unless_unit is not None and self.unless_unit.search(subject.unit):
            return None
        if self.values is not None:
            if not subject.shows(self.values):
                return None
            evidence.append(f"values run from {subject.low:g} to {subject.high:g}")
        if self.kinds and self.unit is None and subject.unit:
            evidence.append(f"the unit is “{subject.unit[:60]}”")
        told = f" ({', '.join(evidence)})" if evidence else ""
        return Match(self.answer, self.sure, f"{self.because}{told}.")


@dataclass(frozen=True)
class Match(Generic[A]):
    """A rule that fitted: its answer, how sure it is, and one sentence for a person."""

    answer: A
    sure: float
    reasoning: str


def matches(rules: Iterable[Rule[A]], subject: Subject) -> Iterator[Match[A]]:
    """Every rule that fits, best first."""
    for rule in rules:
        if found := rule.match(subject):
            yield found


def words(*lists: str) -> re.Pattern[str]:
    """A pattern for any word of the lists, as `text.any_of` reads them; `/day` and the like need no gap before."""
    parts = [part for text in lists for part in split(text)]
    glued = [part for part in parts if part.startswith("/")]
    whole = any_of("\n".join(part for part in parts if not part.startswith("/")))
    return re.compile(rf"{whole.pattern}|(?:{'|'.join(glued)})(?!\w)", re.I) if glued else whole


def either(text: str) -> str:
    """The words of a list as one group of a larger regular expression."""
    return f"(?:{'|'.join(split(text))})"


def split(text: str) -> list[str]:
    """The words of a list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def kinds(text: str) -> frozenset[str]:
    """The kinds of unit in a list written with spaces."""
    return frozenset(text.split())


def _quoted(place: str, found: re.Match[str]) -> str:
    return f"{place} “{found[0].strip()[:60]}”"


def joined(*tables: Sequence[Rule[A]]) -> tuple[Rule[A], ...]:
    """Tables one after the other."""
    return tuple(rule for table in tables for rule in table)
