"""The migrations and the tables say the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from classify.stages import QUESTIONS
from classify.store import engine, migrate
from classify.store.tables import classifications, metadata, saved_name
from config.settings import Settings


def test_migrations_make_the_tables_that_the_code_describes(stores: Settings) -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(stores: Settings) -> None:
    before = inspect(engine()).get_table_names()
    migrate(stores.database_address)
    assert inspect(engine()).get_table_names() == before


def test_every_answer_has_a_column_of_its_own_in_classifications() -> None:
    names = [saved_name(q, f) for q in QUESTIONS for f in q.result.model_fields]
    assert len(names) == len(set(names))
    assert set(names) <= set(classifications.columns.keys())
