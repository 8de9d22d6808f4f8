"""Loading a file: rows in, indicators into `source_indicators`, rejects into the reject file, and a count of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classify.indicator import Indicator
from classify.intake import Accepted, RejectFile, default_reject_path, read_indicators
from classify.store import sources
from classify.store.sources import LoadCounts


@dataclass
class Loaded:
    """What became of a file; counts are rows.

    Parameters
    ----------
    mended
        What was done → to how many rows.
    reject_file
        None when nothing was rejected, or when it could not be written and the rejects went to stderr.
    """

    file: str
    accepted: int = 0
    counts: LoadCounts = field(default_factory=LoadCounts)
    mended: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    reject_file: Path | None = None


def load_file(path: Path | str) -> Loaded:
    """Load one file; bad rows do not keep the others from loading.

    Raises
    ------
    UserError
        When the file cannot be read as what its ending says.
    """
    loaded = Loaded(str(path))
    outcomes = read_indicators(path)
    with RejectFile(default_reject_path(path)) as rejects:

        def indicators() -> Iterator[Indicator]:
            for outcome in outcomes:
                if isinstance(outcome, Accepted):
                    loaded.accepted += 1
                    loaded.mended.update({mend.rule.value for mend in outcome.mended})
                    yield outcome.indicator
                else:
                    rejects.write(path, outcome)

        loaded.counts = sources.load(indicators())
        loaded.rejected = rejects.count
        if rejects.count > rejects.on_stderr:
            loaded.reject_file = rejects.path
    return loaded
