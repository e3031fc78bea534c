"""Set a part of one photo into another, and share the label by area.

Every part must then say its class (Yun et al., "CutMix", 2019). A phase with it learns from pixels, in every epoch.

When: many epochs of thawed stages; costs a frozen head its kept features.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """CutMix with alpha 1 in every phase."""
    return strategy.map_phases(mix="cutmix", mix_alpha=1.0)
