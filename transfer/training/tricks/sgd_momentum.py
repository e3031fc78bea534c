"""Descend by Nesterov momentum in place of Adam, at ten times the rate.

Adam gets there sooner, momentum often generalises better (Wilson et al. 2017). A rate means something else under each;
ten times is a rule of thumb and not the best of either.

When: long trainings of convolutional networks.
"""

import dataclasses

from transfer.strategy import Phase, Strategy


def trick(strategy: Strategy) -> Strategy:
    """Momentum 0.9 in every phase that has it not yet, at ten times its rate."""

    def changed(phase: Phase) -> Phase:
        return phase if phase.optimizer == "sgd" else dataclasses.replace(phase, optimizer="sgd", rate=10 * phase.rate)

    return strategy.each_phase(changed)
