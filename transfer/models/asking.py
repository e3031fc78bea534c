"""Asking: how many photos a trained network is asked about at once, and what is said where memory is too small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from transfer.errors import TransferError

BATCH = 32
_SIDE = 224


def at_once(size: int) -> int:
    """How many photos at most: fewer of large ones, for what a network holds of each grows with its area.

    Args:
        size: Side of the network's input in pixels.

    >>> at_once(96), at_once(224), at_once(448), at_once(4096)
    (32, 32, 8, 1)
    """
    return max(1, BATCH * _SIDE**2 // max(size, _SIDE) ** 2)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Where memory does not hold a network and what it is asked about, an error that says so.

    Raises:
        TransferError: It does not.
    """
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TransferError(
            "There is not enough memory for this network to answer.",
            remedy="End other programs that hold memory, or ask a run with a smaller --size or a smaller backbone.",
        ) from error
