"""What a network's first weights, and its dropout, are drawn from."""

from __future__ import annotations

import random

import numpy


def seed_draws(seed: int) -> None:
    """Begin the draws anew of which Keras makes the seed of each layer.

    They are Python's and numpy's. Left alone is TensorFlow's own global seed, which ``keras.utils.set_random_seed``
    sets as well: nothing here draws by it, and setting it throws away all that the process has compiled, which takes
    10 s of one core to make again for a training step of MobileNetV2.
    """
    random.seed(seed)
    numpy.random.seed(seed)
