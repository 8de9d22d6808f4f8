"""Prepared statements: planned once a connection, right whatever the values, and given up behind a pooler."""

import logging
from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from classify.store import engine
from classify.store.prepared import Prepared

pytestmark = pytest.mark.usefixtures("stores")

SUM = Prepared(
    "SELECT CAST(:a AS integer) + CAST(:b AS integer) + CAST(:a AS integer) AS sum, CAST(:c AS text) AS said"
)
WHOLE_POOL = 8


@pytest.fixture(autouse=True)
def new_connections() -> Iterator[None]:
    engine().dispose()
    yield
    engine().dispose()
    Prepared.behind_pooler = False


def _on_every_connection(statement: str) -> None:
    for _ in range(WHOLE_POOL):  # the pool hands its connections out in turn
        with engine().connect() as connection:
            connection.execute(text(statement))


def test_it_is_prepared_once_and_gives_rows_by_name() -> None:
    for a in range(3):
        row = SUM.first(a=a, b=10, c="100 % 'sure' :b %(a)s\n", unused=1)
        assert row == {"sum": 2 * a + 10, "said": "100 % 'sure' :b %(a)s\n"}
    with engine().connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 1


def test_a_value_that_is_none_or_missing() -> None:
    assert SUM.first(a=1, b=None, c=None) == {"sum": None, "said": None}
    with pytest.raises(KeyError):
        SUM.first(a=1, c="x")
    assert SUM.first(a=1, b=1, c="x") == {"sum": 3, "said": "x"}


def test_rows_changed_and_no_row() -> None:
    assert Prepared("UPDATE runs SET reason = :reason WHERE run_id = :run_id").execute(run_id="none", reason="x") == 0
    assert Prepared("SELECT 1 AS one WHERE CAST(:yes AS boolean)").first(yes=False) is None


def test_behind_a_pooler_it_is_planned_at_every_call(caplog: pytest.LogCaptureFixture) -> None:
    values = {"a": 1, "b": 2, "c": "100 %"}
    SUM.first(**values)
    _on_every_connection("DEALLOCATE ALL")  # as if each were another connection to the server
    assert [SUM.first(**values) for _ in range(3)] == [{"sum": 4, "said": "100 %"}] * 3
    assert [record.message.partition(":")[0] for record in caplog.records if record.levelno == logging.WARNING] == [
        "PostgreSQL is behind a pooler of transactions"
    ]
    with engine().connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


def test_errors_are_those_of_sqlalchemy() -> None:
    with pytest.raises(DataError, match="division by zero"):
        Prepared("SELECT 1 / CAST(:zero AS integer)").first(zero=0)
    assert not Prepared.behind_pooler


def test_a_connection_that_was_cut_is_replaced() -> None:
    SUM.first(a=1, b=1, c="")
    with pytest.raises(OperationalError) as caught:
        Prepared("SELECT pg_terminate_backend(pg_backend_pid()), CAST(:x AS text)").first(x="")
    assert caught.value.connection_invalidated
    assert SUM.first(a=1, b=1, c="") == {"sum": 3, "said": ""}


def test_a_server_that_is_away_is_told_as_sqlalchemy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise psycopg2.OperationalError("nobody there")

    monkeypatch.setattr(engine().pool, "connect", nobody)
    with pytest.raises(OperationalError, match="nobody there") as told:
        SUM.first(a=1, b=2, c="x")
    assert told.value.connection_invalidated
