"""What a network's first weights, and its dropout, are drawn from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy


def seed_draws(seed: int) -> None:
    """Begin the draws anew of which Keras makes the seed of each layer.

    They are Python's and numpy's. Left alone is TensorFlow's own global seed, which ``keras.utils.set_random_seed``
    sets as well: nothing here draws by it, and setting it throws away all that the process has compiled, which takes
    10 s of one core to make again for a training step of MobileNetV2.
    """
    random.seed(seed)
    numpy.random.seed(seed)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let whoever trains in a process of their own draw on as if nothing had been trained.

    Python's and numpy's draws are put back, and TensorFlow's determinism, under which every draw without a seed is an
    error.
    """
    from tensorflow.python.framework import config

    drawn, also_drawn, determined = random.getstate(), numpy.random.get_state(), config.is_op_determinism_enabled()
    try:
        yield
    finally:
        random.setstate(drawn)
        numpy.random.set_state(also_drawn)
        if not determined:
            config.disable_op_determinism()
