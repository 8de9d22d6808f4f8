"""Words and numbers for the scale of a unit: "mn", "'000", a factor of 1000000, an SDMX power of ten."""

import re

from classify.taxonomy import NormalizedScale

# "k" and "m" mean a scale only beside money; alone they are kilo and metre.
_WITH_MONEY: dict[NormalizedScale, str] = {
    "thousands": "k, th", "millions": "m, mm, mil", "billions": "b, bill", "trillions": "tr",
}  # fmt: skip
# The list of scales has no place for lakh, crore and the like: raw, and the word is kept.
_ANYWHERE: dict[NormalizedScale, str] = {
    "hundreds": "hundred, hundreds",
    "thousands": "thousand, thousands, '000, ’000, 000s, '000s, 000, 000', tsd, ths, thous, tho, thsd, 10^3, mille",
    "millions": "million, millions, mn, mns, mln, mio, mill, millones, 10^6",
    "billions": "billion, billions, bn, bln, bil, mrd, mld, milliard, milliards, 10^9, thousand million",
    "trillions": "trillion, trillions, tn, trn, tln, 10^12, thousand billion",
    "raw-units": "lakh, lakhs, crore, crores, ten thousand, 10 thousand, ten million, hundred million, 100 million",
}
_MONEY_ONLY = {word: scale for scale, words in _WITH_MONEY.items() for word in words.split(", ")}
_MEANING = {word: scale for scale, words in _ANYWHERE.items() for word in words.split(", ")} | _MONEY_ONLY

_WORD = re.compile(
    r"(?<![A-Za-z\d.,=-])(?<!\d )("
    + "|".join(re.escape(w) for w in sorted(_MEANING, key=len, reverse=True))
    + r")(?![\w^-])",
    re.I,
)
_GLUED = re.compile(r"(?<![A-Za-z])(?:[A-Z]{3}|[$€£¥₹])(?P<word>mn|mln|bn|bln|tn|m|b|k)(?![A-Za-z])")
_LEADING_THOUSAND = re.compile(r"1[,. ]?000(?= [a-z])", re.I)

_FACTORS: dict[str, NormalizedScale] = {
    "1": "raw-units", "100": "hundreds", "1000": "thousands", "1000000": "millions", "1000000000": "billions",
    "1000000000000": "trillions",
}  # fmt: skip
_POWERS_OF_TEN: dict[str, NormalizedScale] = {
    "0": "raw-units", "2": "hundreds", "3": "thousands", "6": "millions", "9": "billions", "12": "trillions",
}  # fmt: skip
_PLAIN = re.compile(r"units?|ones?|actual|none|raw(?:[- ]units)?|single units", re.I)


def scale_in(text: str, money: bool) -> tuple[str, NormalizedScale] | None:
    """The word for the scale as `text` writes it, and what it means; "k" and "m" only with `money`."""
    if money and (glued := _GLUED.search(text)):
        return glued["word"], _MEANING[glued["word"]]
    if leading := _LEADING_THOUSAND.match(text):
        return leading[0], "thousands"
    for match in _WORD.finditer(text):
        if money or match[1].lower() not in _MONEY_ONLY:
            return match[1], _MEANING[match[1].lower()]
    return None


def scale_column(text: str | None) -> tuple[str, NormalizedScale] | None:
    """What a `scale` column says: a word (`Millions`), a factor (`1000000`) or an SDMX power of ten (`6`)."""
    word = (text or "").strip()
    if not word:
        return None
    if _PLAIN.fullmatch(word):
        return word, "raw-units"
    number = word.replace(",", "").removesuffix(".0")
    if scale := _FACTORS.get(number) or _POWERS_OF_TEN.get(number):
        return word, scale
    return scale_in(word, money=True)
