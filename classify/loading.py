"""Loading a file: rows in, indicators into `source_indicators`, rejects into the reject file, and a count of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classify.indicator import Indicator
from classify.intake import Accepted, RejectFile, read_indicators
from classify.store import sources
from classify.store.sources import LoadCounts


@dataclass
class Loaded:
    """What became of a file; counts are rows.

    Parameters
    ----------
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
    loaded = Loaded(str(path))
    before = rejects.count
    mended: Counter[str] = Counter()

    def indicators() -> Iterator[Indicator]:
        for outcome in read_indicators(path):
            if isinstance(outcome, Accepted):
                loaded.accepted += 1
                mended.update({mend.rule.value for mend in outcome.mended})
                yield outcome.indicator
            else:
                rejects.write(path, outcome)

    loaded.counts = sources.load(indicators())
    loaded.mended = dict(mended.most_common())
    loaded.rejected = rejects.count - before
    if loaded.rejected and not rejects.on_stderr:
        loaded.rejects_in = rejects.path
    return loaded
