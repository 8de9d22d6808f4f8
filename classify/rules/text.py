"""Word lists as patterns, so that the tables of the rules read as lists of words and not as regular expressions."""

import re


def any_of(words: str) -> re.Pattern[str]:
    r"""A pattern for any of the words, which commas or line ends part: whole words, in any case.

    A blank stands for a blank or a hyphen; the rest of a word is regular expression: `any_of("exports?, year to date")`
    finds "Export" and "year-to-date". A comma within a word is written `\x2c`.
    """
    parts = [part.strip().replace(" ", "[- ]") for part in re.split(r"[,\n]", words) if part.strip()]
    parts = [part.replace(r"\x2c", ",") for part in parts]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.I)
