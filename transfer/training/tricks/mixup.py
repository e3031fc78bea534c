"""Blend two inputs and their labels.

Between two photos the answer is to lie between their labels: a smoother function that is less sure (Zhang et al.,
"mixup: Beyond Empirical Risk Minimization", 2018). Photos are blended where a phase learns from photos, kept
activations where it learns from those (Verma et al., "Manifold Mixup", 2019).

When: many epochs, and probabilities that should not be too sure.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Mixup with alpha 0.2 in every phase."""
    return strategy.map_phases(mix="mixup", mix_alpha=0.2)
