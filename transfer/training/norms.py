"""Norms: batch norm that learns, its steps made fast and its statistics counted anew.

While it trains, batch norm goes by the statistics of each batch; what it keeps for later is a moving mean, which lags
behind weights that move. Before such a network is judged or kept, the statistics that belong to its present weights are
counted on photos that it learns from (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3, PreciseBN).

Keras writes batch norm as a dozen operations that each go through the whole map, and as many backwards. TensorFlow has
it as one, and by that one it learns here on a CPU.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
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
        with self.fused(), _while_tracing(self._norms, momentum=0.0), _while_tracing(drops, rate=0.0):
            return see.get_concrete_function(tf.TensorSpec(shape, dtype))

    @contextlib.contextmanager
    def fused(self) -> Iterator[None]:
        """What is traced in here has the layers as one operation each; the layers themselves stay Keras' own."""
        fusible = [norm for norm in self._norms if _is_fusible(norm)]
        try:
            for norm in fusible:
                norm.call = partial(_fused, norm)
            yield
        finally:
            for norm in fusible:
                vars(norm).pop("call", None)  # Ctrl-C may have come before it had one


def _is_fusible(norm: keras.layers.BatchNormalization) -> bool:
    """Whether the operation can be this layer: on a CPU, over the channels of maps, without renormalisation."""
    on_maps = norm.input_spec.ndim == 4 and norm.axis in (-1, 3) and norm.compute_dtype == "float32"
    as_keras = type(norm).call is keras.layers.BatchNormalization.call
    special = norm.renorm or norm.synchronized or tf.config.list_logical_devices("GPU")
    return as_keras and on_maps and not special


def _fused(norm: keras.layers.BatchNormalization, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """What ``keras.layers.BatchNormalization.call`` returns and keeps."""
    if not (training and norm.trainable):
        return type(norm).call(norm, inputs, training=training, mask=mask)
    channels = inputs.shape[-1]
    answer = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=norm.gamma.value if norm.scale else tf.ones(channels),
        offset=norm.beta.value if norm.center else tf.zeros(channels),
        mean=tf.constant([]),
        variance=tf.constant([]),
        epsilon=norm.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(inputs) // channels, tf.float32)
    variance = answer.batch_variance * (tf.maximum(count - 1, 1) / count)  # it divides by one less, Keras does not
    for kept, seen in ((norm.moving_mean, answer.batch_mean), (norm.moving_variance, variance)):
        kept.assign(kept * norm.momentum + seen * (1 - norm.momentum))
    return answer.y


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
