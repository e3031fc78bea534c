"""Head -> layers: what stands between the backbone's feature map and the class scores.

Two parts, because the first needs no training: **pooling**, feature map -> vector, and **scores**, vector -> one logit
a class. When a backbone is frozen as a whole, its average and its maximum are kept side by side (``kept_pools``), so
that any head that pools finds its own in the same kept vector (``select``).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy

from transfer.strategy import Head


def kept_pools(feature_map: Any) -> Any:
    """Feature map ``(n, h, w, c)`` -> ``(n, 2c)``: the average of each channel, then its maximum."""
    return keras.ops.concatenate([pool(feature_map, "average"), pool(feature_map, "max")], axis=-1)


def select(kept: Any, kind: str) -> Any:
    """The pool that a head wants from a kept vector ``(n, 2c)``."""
    channels = kept.shape[-1] // 2
    return {"average": kept[:, :channels], "max": kept[:, channels:], "concat": kept}[kind]


def pool(feature_map: Any, kind: str) -> Any:
    """Map ``(n, h, w, c)`` -> ``(n, c)`` for average or max, ``(n, 2c)`` for concat, ``(n, hwc)`` for flatten."""
    if kind == "flatten":
        return keras.layers.Flatten()(feature_map)
    if kind == "concat":
        return kept_pools(feature_map)
    reduce = keras.ops.mean if kind == "average" else keras.ops.max
    return reduce(feature_map, axis=(1, 2))


def scores(head: Head, *, features: int, classes: int) -> keras.Sequential:
    """Vectors ``(n, features)`` -> logits ``(n, classes)``: hidden layers of the head's widths, then a linear layer.

    Initial weights follow Keras' global seed; those of the last layer are zero where the head says so.
    """
    layers: list[keras.layers.Layer] = [keras.Input((features,))]
    for width in head.widths:
        layers += _before(head)
        layers.append(keras.layers.Dense(width, activation=head.activation))
    layers += _before(head)
    # In float32 wherever the rest computes in less: a softmax of rounded logits would not be sure of itself.
    first = "zeros" if head.zero else "glorot_uniform"
    layers.append(keras.layers.Dense(classes, name="logits", dtype="float32", kernel_initializer=first))
    return keras.Sequential(layers, name="head")


def _before(head: Head) -> list[keras.layers.Layer]:
    """What stands before each dense layer."""
    norm = [keras.layers.BatchNormalization()] if head.batch_norm else []
    return norm + ([keras.layers.Dropout(head.dropout)] if head.dropout else [])


def place(scores: keras.Sequential, kernel: numpy.ndarray, bias: numpy.ndarray, *, seen: numpy.ndarray) -> None:
    """Let a head without hidden layers answer by a linear rule on the vectors.

    Where batch norm stands before the scores it gets the vectors' own statistics, and the scores take them back out:
    training mode, which normalises by the batch, then begins near the rule as well.

    Args:
        scores: The head. kernel, bias: The rule, ``(features, classes)`` and ``(classes,)``.
        seen: Vectors ``(n, features)`` that it learns from.
    """
    for norm in (layer for layer in scores.layers if isinstance(layer, keras.layers.BatchNormalization)):
        mean, variance = seen.mean(axis=0), seen.var(axis=0)
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)
        kernel, bias = kernel * numpy.sqrt(variance + norm.epsilon)[:, None], bias + mean @ kernel
    scores.get_layer("logits").set_weights([kernel, bias])
