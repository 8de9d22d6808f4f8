"""Whether the database answers, and how long ago the last classification was written."""

from sqlalchemy import text

from classify.store.engine import engine


def seconds_since_last_row() -> float | None:
    """Seconds since a row of `classifications` was last written; None while there is none.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        When the database does not answer.
    """
    with engine().connect() as connection:
        age = connection.scalar(text("SELECT extract(epoch FROM now() - max(updated_at)) FROM classifications"))
        return None if age is None else float(age)
