r"""Indicators in from files and rows out to files: JSONL and CSV (plain or gzipped) and Parquet, by the file's ending;
indicators in from a SQL query on another database, too.

Real files are never clean, so what comes in is mended where the meaning is certain and rejected, with line and
reason, where it is not; nothing disappears without a word. Everything streams: a million rows need the memory of one
batch, plus about 120 bytes a row to find repeated ids. Knows nothing of a database.

Mended (the row is loaded; `Accepted.mended` says what was done):

========================================================== ===========================================================
found                                                      becomes
========================================================== ===========================================================
white space around text                                    removed
empty text                                                 null (not reported: it is how CSV writes null)
tabs and line breaks within text                           one space (in `id`: rejected)
NUL and other control characters within text               removed (in `id`: rejected)
lone surrogates within text (`"\ud800"`)                   U+FFFD (in `id`: rejected)
a number or a date where text is expected                  text: 123 and 123.0 → "123", 1.5 → "1.5", a day in ISO 8601
NaN or an infinity where text is expected                  null
`sample_values` as JSON in a string, as CSV has it         parsed (not reported)
in CSV, an apostrophe before a leading =, +, - or @        removed (not reported: so exports guard formulas)
an observation without a value                             dropped
an observation whose value is no finite number             dropped: NaN, 1e999, true, "n/a", "12,5"
a value that is a number as text: "1,234.5"                the number
an observation whose date names no date                    dropped: `last10YearsAvg`, `2024-13-45`, null
the same date twice in one indicator                       the later entry holds, as with an upsert
more than 1,000 observations                               the latest 1,000, in the order of the source
unknown columns                                            ignored; reported once a file
========================================================== ===========================================================

Rejected (the row is not loaded; the reject file has line, id, reason and the first 200 characters):

- no `id`; no `name`; an `id` that an earlier row of the same file has, whose line is named
- not a JSON object; broken JSON; bytes that are not UTF-8; a line or record of more than 4 MiB
- `id` over 255 characters, `name` over 1,000, other text over 10,000 (after trimming)
- true, false, a list or an object where text is expected
- `sample_values` that is no list, or has an entry that is no object with a `date`
- a CSV row with more or fewer cells than the header, or with quotes that do not match
- where a gzip or Parquet file breaks off: one reject for the break; the rows before it load

Kept as it is: Unicode normalisation, upper and lower case, words such as "NA" (it may be Namibia's code), the
spelling of dates and periodicities.
"""

from classify.intake.export import write_rows
from classify.intake.mends import Mend, Rule
from classify.intake.outcome import Accepted, Reject
from classify.intake.reader import read_indicators, read_query
from classify.intake.record import indicator_from
from classify.intake.rejects import RejectFile, default_reject_path

__all__ = [
    "Accepted",
    "Mend",
    "Reject",
    "RejectFile",
    "Rule",
    "default_reject_path",
    "indicator_from",
    "read_indicators",
    "read_query",
    "write_rows",
]
