"""A database that cannot hold every text is refused before anything is in it."""

import pytest
from sqlalchemy import text

from classify.errors import UserError
from classify.store import engine, migrate
from config.settings import Settings


def test_a_database_that_is_not_in_utf_8_is_refused(stores: Settings) -> None:
    options = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    with engine().connect() as connection:
        connection.execute(text(f"CREATE DATABASE in_ascii {options}"))
        try:
            with pytest.raises(UserError, match="encoding is SQL_ASCII"):
                migrate(stores.database_address.replace("/classify?", "/in_ascii?"))
        finally:
            connection.execute(text("DROP DATABASE in_ascii"))
