"""A network's answers without training: each network is traced once and its function kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.training import room
from transfer.training.engine import median_ms
from transfer.training.rows import Decoded, Rows

BATCH = 256
"""Photos at once where nothing is trained, at most."""


def apply(model: keras.Model, rows: Rows | Decoded) -> numpy.ndarray:
    """The model's answer for every row, ``(n, *output)``."""
    if not len(rows):
        return numpy.empty((0, *model.output.shape[1:]), "float32")
    answer = function(model)
    most = room.fitting(BATCH, room.largest_map(answer), room=room.threads() * room.EACH)
    return numpy.concatenate([part for chunk in rows.chunks(most) for part in _answered(answer, chunk)])


def _answered(answer: Callable[[Any], Any], chunk: numpy.ndarray) -> list[numpy.ndarray]:
    """In one piece, or in as many as memory wants."""
    try:
        return [answer(tf.constant(chunk)).numpy()]
    except tf.errors.ResourceExhaustedError:
        if len(chunk) == 1:
            raise
    half = len(chunk) // 2
    return [*_answered(answer, chunk[:half]), *_answered(answer, chunk[half:])]


def function(model: keras.Model) -> Callable[[Any], Any]:
    """The model as one function of a batch of any length."""
    if not hasattr(model, "_answer"):
        shape = tf.TensorSpec((None, *model.input.shape[1:]), model.input.dtype)
        model._answer = tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(shape)
    return model._answer


def latency(model: keras.Model) -> float:
    """Median milliseconds for one input."""
    answer = function(model)
    one = tf.zeros((1, *model.input.shape[1:]), model.input.dtype)
    return median_ms(lambda: answer(one).numpy())


def softmax(logits: numpy.ndarray) -> numpy.ndarray:
    """Probabilities, float32 ``(n, classes)``; the sum is taken in float64."""
    powers = numpy.exp(logits.astype("float64") - logits.max(axis=1, keepdims=True, initial=-numpy.inf))
    return (powers / powers.sum(axis=1, keepdims=True)).astype("float32")
