"""Watching a run: what is looked at, who is alive, and how it is shown on a terminal."""
