"""Redis and PostgreSQL at hand: commands that need them start the embedded ones, and say so."""

import sys

from bin.embedded import ensure_stores
from config.settings import settings


def ready_stores() -> bool:
    """Make sure that both stores answer and the schema is up to date; whether anything had to be started."""
    started = ensure_stores(settings())
    if started:
        print("started the embedded Redis and PostgreSQL (bin/stack down stops them)", file=sys.stderr)
    return started
