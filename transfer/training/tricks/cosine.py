"""Let the learning rate fall along half a cosine to zero.

Large steps first, small ones at the end (Loshchilov and Hutter, "SGDR", 2017; He et al., "Bag of Tricks", 2019,
section 5.1).

When: a strategy has another schedule, such as ``one_cycle`` and ``bit_hyperrule``. The others of this shelf fall so by
themselves: for those it changes nothing.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Cosine decay in every phase."""
    return strategy.map_phases(schedule="cosine")
