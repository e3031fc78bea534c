"""Learn from strong random views: smaller parts, stronger light, a square hidden.

What lets long trainings go on without overfitting (Cubuk et al., "RandAugment", 2020; DeVries and Taylor, "Cutout",
2017); too much for short ones.

When: many epochs of thawed stages. A short fine-tuning may lose by it.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Strong views in every phase."""
    return strategy.map_phases(augment="strong")
