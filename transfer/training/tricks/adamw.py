"""Descend by Adam with a decoupled weight decay of 0.01: AdamW as most libraries have it.

The decay stands outside the adaptive step, where it means the same for every weight (Loshchilov and Hutter, "Decoupled
Weight Decay Regularization", 2019).

When: a strategy descends by momentum or without decay.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """AdamW in every phase."""
    return strategy.map_phases(optimizer="adam", weight_decay=0.01)
