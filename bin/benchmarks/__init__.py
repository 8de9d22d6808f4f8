"""Measurements that decide how the project is built, repeatable on any machine: `bin/bench` runs them."""
