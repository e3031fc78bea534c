"""Descend by Adam with a decoupled weight decay of 0.01: AdamW as most libraries have it.

What descends by momentum gets a tenth of its rate: ``sgd_momentum`` the other way round.

The decay stands outside the adaptive step, where it means the same for every weight (Loshchilov and Hutter, "Decoupled
Weight Decay Regularization", 2019).

When: a strategy descends by momentum or without decay.
"""

import dataclasses

from transfer.strategy import Phase, Strategy


def trick(strategy: Strategy) -> Strategy:
    """AdamW in every phase."""

    def changed(phase: Phase) -> Phase:
        slower = phase.rate / 10 if phase.optimizer == "sgd" else phase.rate
        return dataclasses.replace(phase, optimizer="adam", rate=slower, weight_decay=0.01)

    return strategy.each_phase(changed)
