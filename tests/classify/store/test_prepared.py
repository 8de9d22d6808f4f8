"""Prepared statements: planned once a connection, right whatever the values, and given up behind a pooler."""

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from classify.store import engine
from classify.store.prepared import Prepared

pytestmark = pytest.mark.usefixtures("stores")

SUM = Prepared(
    "SELECT CAST(:a AS integer) + CAST(:b AS integer) + CAST(:a AS integer) AS sum, CAST(:c AS text) AS said"
)


@pytest.fixture(autouse=True)
def direct() -> Iterator[None]:
    yield
    Prepared.behind_pooler = False


def test_it_is_prepared_once_and_gives_rows_by_name() -> None:
    with engine().connect() as connection:
        connection.execute(text("DEALLOCATE ALL"))
        connection.info.clear()
        for a in range(3):
            row = SUM.run(connection, {"a": a, "b": 10, "c": "100 % 'sure' :b\n", "unused": 1}).mappings().one()
            assert row == {"sum": 2 * a + 10, "said": "100 % 'sure' :b\n"}
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 1


def test_a_value_that_is_missing_or_none() -> None:
    with engine().connect() as connection:
        assert SUM.run(connection, {"a": 1, "b": None, "c": None}).one() == (None, None)
        with pytest.raises(KeyError):
            SUM.run(connection, {"a": 1, "c": "x"})


def test_behind_a_pooler_it_is_planned_at_every_call(caplog: pytest.LogCaptureFixture) -> None:
    values = {"a": 1, "b": 2, "c": ""}
    with engine().connect() as connection, caplog.at_level(logging.WARNING):
        SUM.run(connection, values)
        connection.execute(text("DEALLOCATE ALL"))  # as if it were another connection to the server
        assert [SUM.run(connection, values).scalar() for _ in range(3)] == [4, 4, 4]
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0
        connection.info.clear()
    assert [record.message.startswith("PostgreSQL is behind a pooler") for record in caplog.records] == [True]


def test_other_errors_are_not_hidden() -> None:
    with engine().connect() as connection, pytest.raises(DBAPIError, match="division by zero"):
        Prepared("SELECT 1 / CAST(:zero AS integer)").run(connection, {"zero": 0})
    assert not Prepared.behind_pooler
