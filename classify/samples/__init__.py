"""Sample data that the project ships as a catalogue and a seeded generator, so that everything can be tried at once.

Example:
-------
>>> from classify.samples import generate
>>> records = list(generate(1000))
"""

from classify.samples.generator import DEFAULT_SEED, generate, labelled

__all__ = ["DEFAULT_SEED", "generate", "labelled"]
