"""Room: how many pictures may be under way at once, so that what a network makes of them fits in memory."""

from __future__ import annotations

import math
import os
from typing import Any

import tensorflow as tf

EACH = 1 << 28
"""Bytes for each core that the maps of the pictures under way may take. Of 224 pixels, one takes 26 MB in VGG16 and
10 MB in MobileNetV2; fewer of them at once are no slower."""


def threads() -> int:
    """The cores that this process computes with."""
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1


def fitting(most: int, each: int, *, room: int) -> int:
    """So many pictures at once: a layer's input and its output are in memory together.

    Args:
        most: And no more. each: Bytes of the largest map of one picture. room: Bytes for all.
    """
    return max(1, min(most, room // max(1, 2 * each)))


def largest_map(function: Any) -> int:
    """Bytes of the largest map that one picture has inside a TensorFlow function."""
    maps = (
        math.prod(tensor.shape[1:]) * tensor.dtype.size
        for operation in function.graph.get_operations()
        for tensor in operation.outputs
        if tensor.shape.rank and tensor.shape[0] is None and tensor.shape[1:].is_fully_defined()
    )
    return max(maps, default=0)
