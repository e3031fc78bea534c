"""Draw every weight a little towards zero at each step.

Decoupled from the gradient, so that it means the same under Adam as under plain descent (Loshchilov and Hutter,
"Decoupled Weight Decay Regularization", 2019).

When: long trainings of many weights.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """A decay of 0.05 of the weight for each unit of learning rate and step."""
    return strategy.map_phases(weight_decay=0.05)
