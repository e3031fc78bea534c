"""Let the learning rate rise from zero over the first tenth of each phase.

Steps of a fresh optimizer are its wildest, and a fresh head's gradients the least sensible (Goyal et al. 2017).

When: large rates, large batches, or thawed stages under a head that has learned nothing yet. ``one_cycle`` rises by
itself: of that it changes nothing.
"""

import dataclasses

from transfer.strategy import Phase, Strategy


def trick(strategy: Strategy) -> Strategy:
    """A tenth of warm-up in every phase whose schedule does not rise by itself."""

    def changed(phase: Phase) -> Phase:
        return phase if phase.schedule == "one_cycle" else dataclasses.replace(phase, warmup=0.1)

    return strategy.each_phase(changed)
