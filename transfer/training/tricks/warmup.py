"""Let the learning rate rise from zero over the first tenth of each phase.

Steps of a fresh optimizer are its wildest, and a fresh head's gradients the least sensible (Goyal et al. 2017).

When: large rates, large batches, or thawed stages under a head that has learned nothing yet.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """A tenth of warm-up in every phase."""
    return strategy.map_phases(warmup=0.1)
