"""What every test stands on: a data folder of its own, whatever the machine's environment and `.env` say.

The variables are set before anything of the program is imported, since its settings are read once.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

_DATA = Path(tempfile.mkdtemp(prefix="classify-test-", dir="/tmp"))  # short: a Unix socket's path has to be

os.environ["DATA_DIR"] = str(_DATA)
for _name in ("REDIS_URL", "DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
    os.environ[_name] = ""  # an empty variable counts as not set and hides the one in .env

from bin.embedded import ensure_stores, stop_stores  # noqa: E402
from classify.store import engine  # noqa: E402
from classify.store.tables import metadata  # noqa: E402
from config.settings import Settings, settings  # noqa: E402
from tasks.clients import redis_client  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="also run the tests that kill real processes")
    parser.addoption("--benchmarks", action="store_true", help="also run every benchmark, each as small as can be")
    parser.addoption("--docker", action="store_true", help="also run the containers, where there is a Docker Engine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in ("faults", "benchmarks", "docker"):
        if config.getoption(f"--{marker}"):
            continue
        for item in items:
            if item.get_closest_marker(marker):  # and not by keyword: that is the name of a folder, too
                item.add_marker(pytest.mark.skip(reason=f"only with --{marker}"))


def pytest_unconfigure() -> None:
    shutil.rmtree(_DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def stores() -> Iterator[Settings]:
    """Embedded Redis and PostgreSQL with the newest schema, for all tests together; the settings to reach them."""
    try:
        ensure_stores(settings())
        yield settings()
    finally:
        stop_stores(settings())


@pytest.fixture
def clean_tables(stores: Settings) -> Settings:
    """The stores with every table empty and nothing in Redis."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with engine().connect() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    redis_client().flushall()
    return stores
