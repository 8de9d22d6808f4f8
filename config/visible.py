"""Text of third parties as it may be stored and shown: what commands a terminal, forges a line or turns text around
becomes visible instead of having its effect.
"""

import re

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls but for tab and line feed, separators that some take for a line's end, marks of direction, surrogates."""


def visible(text: str) -> str:
    r"""The text with its unseen characters as escapes, which JSON reads back; PostgreSQL would refuse some.

    >>> visible("red\x1b[31m, turned\u202e around")
    'red\\u001b[31m, turned\\u202e around'
    """
    return text if text.isprintable() else _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_one_line(text: str) -> str:
    """The same, with single spaces for all white space."""
    return visible(" ".join(text.split()))
