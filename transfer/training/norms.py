"""Norms: the statistics of batch norm that learns, counted anew.

While it trains, batch norm goes by the statistics of each batch; what it keeps for later is a moving mean, which lags
behind weights that move. Before such a network is judged or kept, the statistics that belong to its present weights are
counted on photos that it learns from (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3, PreciseBN).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.training.rows import Decoded, Rows

PHOTOS = 1024
"""At most so many are counted; the paper finds a thousand to be enough."""


class Norms:
    """The batch-norm layers that learn in a network; those that are frozen are left alone.

    Args:
        model: Its flags of what is trained are those of the phase. batch: Photos at once, at most; as in a step.
    """

    def __init__(self, model: keras.Model, batch: int) -> None:
        self._model, self._batch = model, batch
        norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
        self._norms = [norm for norm in norms if norm.trainable]

    def count(self, rows: Rows | Decoded, *, draw: list[int]) -> None:
        """Give each layer the mean and the variance of what reaches it from these rows.

        The rows go through in equal batches, each normalised by itself below, as in training; but nothing is dropped,
        since what will be asked reaches the layers whole.

        Args:
            rows: What the network learns from, as it is: neither mixed nor in new views.
            draw: Seed of which are taken, where they are more than ``PHOTOS``.
        """
        if not self._norms:
            return
        photos = min(len(rows), PHOTOS)
        batches = math.ceil(photos / self._batch)
        each = photos // batches
        order = numpy.random.default_rng(draw).permutation(len(rows))[: batches * each]
        seen = []
        for shown in rows.batches(order, each):
            self._see(shown)
            seen.append([(numpy.array(norm.moving_mean), numpy.array(norm.moving_variance)) for norm in self._norms])
        for norm, statistics in zip(self._norms, zip(*seen, strict=True), strict=True):
            means, variances = (numpy.stack(each) for each in zip(*statistics, strict=True))
            norm.moving_mean.assign(means.mean(axis=0))
            norm.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    @cached_property
    def _see(self) -> Callable[[Any], Any]:
        """A batch in training mode, of which each layer keeps its statistics and nothing of those before."""
        shape, dtype = (None, *self._model.input.shape[1:]), self._model.input.dtype
        see = tf.function(lambda x: self._model(x, training=True), autograph=False)
        drops = [layer for layer in self._model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
        with _while_tracing(self._norms, momentum=0.0), _while_tracing(drops, rate=0.0):
            return see.get_concrete_function(tf.TensorSpec(shape, dtype))


@contextlib.contextmanager
def _while_tracing(layers: Sequence[keras.layers.Layer], **values: float) -> Iterator[None]:
    """With this value in each layer, which the traced function then has for good."""
    ((name, value),) = values.items()
    before = [getattr(layer, name) for layer in layers]
    try:
        for layer in layers:
            setattr(layer, name, value)
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            setattr(layer, name, own)
