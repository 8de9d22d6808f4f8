"""Where indicators, answers and the ledger are kept: PostgreSQL, through SQLAlchemy Core."""

from classify.store.engine import engine, migrate, transactions

__all__ = ["engine", "migrate", "transactions"]
