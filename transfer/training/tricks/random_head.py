"""Begin from a random head in place of the linear probe's: plain fine-tuning, to see what the probe is worth.

The first gradients of a random head run through features that were good already (Kumar et al., "Fine-Tuning can Distort
Pretrained Features and Underperform Out-of-Distribution", 2022). It takes away what most strategies of this shelf do.

When: never to be better; to measure what beginning from the probe gains, or costs.
"""

import dataclasses

from transfer.errors import CallError
from transfer.strategy import Phase, Strategy


def trick(strategy: Strategy) -> Strategy:
    """The phases alone.

    Raises:
        CallError: The strategy begins from a random head already, or learns nothing but its probe.
    """
    phases = tuple(step for step in strategy.map_phases().steps if isinstance(step, Phase))
    if phases == strategy.steps:
        raise CallError(
            "The strategy begins from a random head already.",
            received="a strategy of phases alone",
            remedy="Use one that fits a probe first: fine_tune_all.",
        )
    return dataclasses.replace(strategy, steps=phases)
