"""Loading a file or a query: rows in, indicators to `source_indicators`, rejects to their file, a count of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classify.indicator import Indicator
from classify.intake import Accepted, Reject, RejectFile, read_indicators, read_query
from classify.intake.sql_rows import shown_url, source_url
from classify.store import sources
from classify.store.sources import LoadCounts


@dataclass
class Loaded:
    """What became of a file, or of a query; counts are rows.

    Parameters
    ----------
    file
        Its path; of a query, which database it asked.
    mended
        What was done → to how many rows, most first.
    rejects_in
        The reject file; None when nothing was rejected, or when it could not be written and stderr has the rejects.
    """

    file: str
    accepted: int = 0
    counts: LoadCounts = field(default_factory=LoadCounts)
    mended: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    rejects_in: Path | None = None


def load_file(path: Path | str, rejects: RejectFile) -> Loaded:
    """Load one file; bad rows go to `rejects` and do not keep the others from loading.

    Raises
    ------
    UserError
        When the file cannot be read as what its ending says.
    """
    return _load(str(path), read_indicators(path), rejects)


def load_query(query: str, url: str, rejects: RejectFile) -> Loaded:
    """Load what a SQL query on another database gives, as from a file.

    Raises
    ------
    UserError
        When the database cannot be reached, or the query does not work out.
    """
    return _load(shown_url(source_url(url)), read_query(query, url), rejects)


def _load(name: str, outcomes: Iterator[Accepted | Reject], rejects: RejectFile) -> Loaded:
    loaded = Loaded(name)
    before = rejects.count
    mended: Counter[str] = Counter()

    def indicators() -> Iterator[Indicator]:
        for outcome in outcomes:
            if isinstance(outcome, Accepted):
                loaded.accepted += 1
                mended.update({mend.rule.value for mend in outcome.mended})
                yield outcome.indicator
            else:
                rejects.write(name, outcome)

    loaded.counts = sources.load(indicators())
    loaded.mended = dict(mended.most_common())
    loaded.rejected = rejects.count - before
    if loaded.rejected and not rejects.on_stderr:
        loaded.rejects_in = rejects.path
    return loaded
