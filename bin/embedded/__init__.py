"""Redis and PostgreSQL out of wheels, and the processes of the local stack: nothing else has to be installed."""

from bin.embedded.stores import ensure_stores, stop_stores

__all__ = ["ensure_stores", "stop_stores"]
