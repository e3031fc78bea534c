"""Normalise what each dense layer of the head sees.

Features of different size learn at the same speed (Ioffe and Szegedy 2015; the heads of fastai).

When: a head with hidden layers, or features whose channels differ much in size; batches of some tens of photos.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Batch norm before every dense layer of the head."""
    return strategy.map_phases().with_head(batch_norm=True)
