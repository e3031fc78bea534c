"""Look at photos a quarter larger than the backbone's usual size.

Networks see finer things at a higher resolution than the one they were trained at, at the price of its square (Touvron
et al., "Fixing the train-test resolution discrepancy", 2019).

When: fine-grained classes, and photos that are larger than the usual size.
"""

import dataclasses

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """1.25 times the side that it would be."""
    return dataclasses.replace(strategy, scale=1.25 * strategy.scale)
