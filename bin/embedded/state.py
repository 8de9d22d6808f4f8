"""What an embedded server says when it is asked how it is."""

from enum import Enum


class State(Enum):
    """How far a server is."""

    SILENT = "silent"
    LOADING = "loading"
    """It is there and reads what it kept."""
    READY = "ready"
