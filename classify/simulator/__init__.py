"""A simulated OpenAI-compatible endpoint, for tests, load tests and demonstrations: latency, limits, faults, usage.

What it answers fits the schema asked for; no model stands behind it, so the `model` of every answer begins with
`simulated`.
"""

from classify.simulator.behaviour import Behaviour
from classify.simulator.server import Simulator

__all__ = ["Behaviour", "Simulator"]
