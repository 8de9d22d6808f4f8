"""Text in CSV cells that a spreadsheet would take for a formula: guarded on the way out, bare again on the way in.

Names come from third parties and reasons from LLMs, so `=HYPERLINK(…)` in a cell is a real danger to whoever opens an
export in a spreadsheet. Such text is written with the spreadsheet's own mark for "this is text", an apostrophe.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """The text as a spreadsheet shows it and does not run it; `bare` undoes it exactly.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("GDP")
    ("'=1+1", "''=1+1", 'GDP')
    """
    return "'" + text if _FORMULA.match(text) else text


def bare(text: str) -> str:
    """The text without the guard."""
    return text[1:] if _GUARDED.match(text) else text
