"""Drop half of what each dense layer of the head sees, at random, in training.

Units that cannot lean on each other each learn something of use (Srivastava et al., "Dropout", 2014).

When: a head with hidden layers and few photos.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Dropout of a half before every dense layer of the head."""
    return strategy.map_phases().with_head(dropout=0.5)
