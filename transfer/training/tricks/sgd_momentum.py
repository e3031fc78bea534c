"""Descend by Nesterov momentum in place of Adam, at ten times the rate.

Adam gets there sooner, momentum often generalises better (Wilson et al. 2017). A rate means something else under each;
ten times is a rule of thumb and not the best of either.

When: long trainings of convolutional networks.
"""

import dataclasses

from transfer.strategy import Phase, Strategy


def trick(strategy: Strategy) -> Strategy:
    """Momentum 0.9 in every phase, at ten times its rate."""
    changed = strategy.map_phases(optimizer="sgd")
    steps = (dataclasses.replace(s, rate=10 * s.rate) if isinstance(s, Phase) else s for s in changed.steps)
    return dataclasses.replace(changed, steps=tuple(steps))
