"""Lessons: what one epoch shows, in which order and in which form.

Everything here is a function of (seed, step, epoch) and the photos, so that a resumed training is shown what an
undisturbed one would have been shown.
"""

from __future__ import annotations

import math

import numpy
import tensorflow as tf

from transfer.models import augment
from transfer.strategy import Phase
from transfer.training import devices
from transfer.training.rows import Decoded, Rows


def epoch(
    phase: Phase,
    rows: Rows | Decoded,
    truth: numpy.ndarray,
    *,
    keys: numpy.ndarray,
    classes: int,
    passes: int,
    draw: list[int],
    fresh: bool,
) -> tf.data.Dataset:
    """The batches of one epoch: inputs, targets ``(batch, classes)``, and weights where classes are balanced by them.

    Args:
        phase: Says how. rows: What the phase learns from. truth: Class of each row.
        keys: A number for each photo, which stays the photo's. classes: How many.
        passes: Over the photos. draw: Seed, step and epoch.
        fresh: Whether the rows are pictures of which a new view is to be drawn.
    """
    random = numpy.random.default_rng(draw)
    order = _order(phase, truth, passes, random)
    targets = numpy.eye(classes, dtype="float32")[truth[order]]
    inputs = rows.batches(order, phase.batch)
    if phase.augment and fresh:
        inputs = _views(inputs, order, keys, draw, augment.VIEWS[phase.augment]).batch(phase.batch).prefetch(2)
    parts = [inputs, tf.data.Dataset.from_tensor_slices(targets).batch(phase.batch)]
    if phase.balance == "weights":
        parts.append(tf.data.Dataset.from_tensor_slices(_weights(truth)[order]).batch(phase.batch))
    steps = math.ceil(len(order) / phase.batch)
    if phase.mix:
        amounts = random.beta(phase.mix_alpha, phase.mix_alpha, steps).astype("float32")
        places = random.random((steps, 2)).astype("float32")
        how = tf.data.Dataset.from_tensor_slices((amounts, places))
        mixed = tf.data.Dataset.zip(*parts, how).map(augment.MIXES[phase.mix], num_parallel_calls=2, deterministic=True)
        parts = [mixed.prefetch(2)]
    dataset = tf.data.Dataset.zip(*parts) if len(parts) > 1 else parts[0]
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))


def _order(phase: Phase, truth: numpy.ndarray, passes: int, random: numpy.random.Generator) -> numpy.ndarray:
    if phase.balance == "sampling":
        weights = _weights(truth)
        order = random.choice(len(truth), passes * len(truth), p=weights / weights.sum())
    else:
        order = numpy.concatenate([random.permutation(len(truth)) for _ in range(passes)])
    # Where several devices train together, none is to go without a photo: batch norm would make numbers of nothing.
    return numpy.resize(order, devices.shared(len(order), up=True))


def _before(order: numpy.ndarray) -> numpy.ndarray:
    """How often each has come before in the order.

    >>> _before(numpy.array([3, 1, 3, 3, 1]))
    array([0, 0, 1, 2, 1])
    """
    places = numpy.argsort(order, kind="stable")
    together = order[places]
    counts = numpy.empty(len(order), dtype=int)
    counts[places] = numpy.arange(len(order)) - numpy.searchsorted(together, together)
    return counts


def _weights(truth: numpy.ndarray) -> numpy.ndarray:
    """A weight a photo, their mean 1, so that each class weighs the same as a whole."""
    counts = numpy.bincount(truth)
    return (len(truth) / (numpy.count_nonzero(counts) * counts[truth])).astype("float32")


def _views(
    inputs: tf.data.Dataset, order: numpy.ndarray, keys: numpy.ndarray, draw: list[int], view: augment.View
) -> tf.data.Dataset:
    """A random view of each picture: a function of seed, step, epoch, the photo, and how often it was shown before."""
    epoch_seed = int(numpy.random.default_rng(draw).integers(2**31))
    seeds = numpy.stack([epoch_seed + _before(order), keys[order]], axis=1).astype("int64") % 2**31
    each = tf.data.Dataset.zip(inputs.unbatch(), tf.data.Dataset.from_tensor_slices(seeds.astype("int32")))
    return each.map(view, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
