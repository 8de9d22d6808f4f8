"""What every fault must leave behind: all classified once, no call beyond those in flight at the kills."""

from cluster import INDICATORS, Cluster, Figures

table: dict[str, Figures] = {}
"""Fault → figures, for the summary of the session."""


def survived(cluster: Cluster, run_id: str, fault: str, *, in_flight: int, away_s: float = 0) -> Figures:
    """Wait for the end of a run, and hold it to what was promised.

    Parameters
    ----------
    in_flight
        Tasks that were in flight at the kills. Each may cost one more call: its own, or, when it had been handed on
        already, the one at which the chain of its second delivery meets the first and ends.
    away_s
        For how long nobody could do anything.
    """
    cluster.wait(run_id)
    found = cluster.figures(run_id)
    table[fault] = found
    assert found.classified == INDICATORS
    assert found.duplicates == 0
    assert found.stage_rows == {INDICATORS}
    assert found.lost_calls + found.paid_twice <= in_flight
    assert found.slowest_s <= 60 + away_s
    return found
