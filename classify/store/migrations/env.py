"""Runs the migrations over the connection that `classify.store.migrate` opened."""

from alembic import context

from classify.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
