"""A SQL query on another database: what it gives, what it must not do, and what is said when it does not work out."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from classify.errors import UserError
from classify.intake import Accepted, Reject, read_query
from classify.intake.sql_rows import shown_url, source_url
from classify.store import engine
from config.settings import Settings


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    path = tmp_path / "source of #1?.db"  # a name that has to be quoted
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE series (id, name, units, frequency)")
        rows = [(1, "GDP", "USD", "Q"), ("B", None, "%", "M"), ("C", "100% at 10:30 :name", None, None)]
        connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?)", rows)
    return str(source_url("sqlite://").set(database=str(path)).render_as_string())


@pytest.fixture
def statistics(stores: Settings) -> Iterator[str]:
    """A second database beside the program's own."""
    with engine().connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS statistics"))
        connection.execute(text("CREATE DATABASE statistics"))
    yield stores.database_address.replace("postgresql+psycopg2:", "postgresql:").replace("/classify?", "/statistics?")
    with engine().connect() as connection:
        connection.execute(text("DROP DATABASE statistics WITH (FORCE)"))


def test_rows_of_sqlite_become_indicators_or_rejects(sqlite: str) -> None:
    query = "SELECT id, name, units, frequency FROM series WHERE name IS NULL OR name LIKE '%' -- all"
    first, second, third = read_query(query, sqlite)
    assert isinstance(first, Accepted)
    assert (first.line, first.indicator.id, first.indicator.units) == (1, "1", "USD")
    assert any("frequency" in str(mend) for mend in first.mended)
    assert isinstance(second, Reject)
    assert (second.line, second.id, second.reason) == (2, "B", "no name")
    assert isinstance(third, Accepted)
    assert third.indicator.name == "100% at 10:30 :name"


def test_rows_of_postgresql_with_its_own_types(statistics: str) -> None:
    query = """
        SELECT '6f1c2b0a-0000-4000-8000-000000000001'::uuid AS id, 'Rate' AS name, 7::numeric AS dataset,
            jsonb_build_array(jsonb_build_object('date', date '2024-03-31', 'value', 1.5)) AS sample_values;
    """
    (only,) = read_query(query, statistics)
    assert isinstance(only, Accepted)
    assert only.indicator.id == "6f1c2b0a-0000-4000-8000-000000000001"
    assert only.indicator.dataset == "7"
    assert [(o.date, o.value) for o in only.indicator.sample_values] == [("2024-03-31", 1.5)]


def test_many_rows_stream(statistics: str) -> None:
    query = "SELECT i::text AS id, 'Series ' || i AS name FROM generate_series(1, 2000) AS i"
    assert sum(isinstance(outcome, Accepted) for outcome in read_query(query, statistics)) == 2000


def test_a_query_that_breaks_off_says_where(statistics: str) -> None:
    outcomes = read_query(
        "SELECT (1 / (1600 - i))::text AS id, 'x' AS name FROM generate_series(1, 2000) i", statistics
    )
    with pytest.raises(UserError, match=r"statistics: broke off after row [\d,]+: division by zero"):
        list(outcomes)


def test_the_other_database_is_only_read(statistics: str, sqlite: str) -> None:
    with pytest.raises(UserError, match="read-only transaction"):
        list(
            read_query(
                "WITH made AS (SELECT set_config('a.b', '1', false)) SELECT lo_create(1) AS id, '' AS name", statistics
            )
        )
    for query in ("CREATE TABLE t ()", "DROP DATABASE classify"):
        with pytest.raises(UserError):
            read_query(query, statistics)
    with pytest.raises(UserError, match="readonly database"):
        read_query("DELETE FROM series", sqlite)
    assert len(list(read_query("SELECT id, name FROM series", sqlite))) == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT id FROM series", "the query has no column name: id"),
        ("SELECT id, name, id FROM series", "names a column twice: id"),
        ("SELECT id, name FROM nowhere", "no such table: nowhere"),
        ("PRAGMA query_only = on", "has to be a SELECT"),
    ],
)
def test_a_wrong_query_is_a_mistake(query: str, words: str, sqlite: str) -> None:
    with pytest.raises(UserError, match=words):
        read_query(query, sqlite)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("planted-secret", "no URL of a database"),
        ("postgresql://u:planted-secret@host:port/db", "no URL of a database"),
        ("postgresql://u:planted-secret@127.0.0.1:9/db", "postgresql://127.0.0.1:9/db: connection to server"),
        ("oracle9://u:planted-secret@host/db", "no database is called 'oracle9'"),
        ("mysql+pymysql://u:planted-secret@host/db", "needs the Python module pymysql"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_wrong_url_is_a_mistake_and_keeps_its_secret(url: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        read_query("SELECT 1", url)
    assert words in str(error.value)
    assert "planted-secret" not in str(error.value)


def test_what_is_shown_of_a_url_is_no_secret() -> None:
    url = source_url("postgres://reader:planted-secret@db.example:5433/stats?sslpassword=planted-secret")
    assert shown_url(url) == "postgresql://db.example:5433/stats"
