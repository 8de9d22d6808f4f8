"""What `bin/nightly` does: a night's work, one at a time, and what it tells of it."""
