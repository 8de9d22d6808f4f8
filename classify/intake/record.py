"""The one place that turns a raw record, of whatever format, into a valid indicator."""

from collections.abc import Mapping

from classify.errors import InvalidIndicatorError
from classify.indicator import Indicator
from classify.intake.mends import Mend, shown
from classify.intake.observations import observations_of
from classify.intake.text import identifier_of, text_of

COLUMNS: frozenset[str] = frozenset(Indicator.model_fields)
"""The columns that mean something to us."""

_ID_LIMIT = 255
_NAME_LIMIT = 1_000
_TEXT_LIMIT = 10_000
_OTHER_TEXT = tuple(column for column in Indicator.model_fields if column not in ("id", "name", "sample_values"))


def indicator_from(record: object) -> tuple[Indicator, tuple[Mend, ...]]:
    """The indicator that a raw record means, and what was mended; `classify.intake` lists the rules.

    Parameters
    ----------
    record
        A mapping from column names to values as JSON, CSV or Parquet give them; unknown columns are ignored.

    Raises
    ------
    InvalidIndicatorError
        When the record can be neither used nor mended; the message is one line.

    Example
    -------
    >>> indicator, mended = indicator_from({"id": 7, "name": "GDP"})
    >>> indicator.id, [str(mend) for mend in mended]
    ('7', ['id: number or date taken as text'])
    """
    if not isinstance(record, Mapping):
        raise InvalidIndicatorError(f"not a JSON object but {shown(record)}")
    mends: list[Mend] = []
    clean: dict[str, object] = {"id": identifier_of(record.get("id"), _ID_LIMIT, mends)}
    if (name := text_of("name", record.get("name"), _NAME_LIMIT, mends)) is None:
        raise InvalidIndicatorError("no name")
    clean["name"] = name
    for column in _OTHER_TEXT:
        if (value := record.get(column)) is not None:
            clean[column] = text_of(column, value, _TEXT_LIMIT, mends)
    if (values := record.get("sample_values")) is not None:
        clean["sample_values"] = observations_of(values, mends)
    return Indicator.model_validate(clean), tuple(mends)
