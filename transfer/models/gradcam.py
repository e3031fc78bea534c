"""Grad-CAM: where in a picture a classifier sees a class.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017 (https://arxiv.org/abs/1610.02391). The last feature map of
the backbone keeps the places that pooling gives up. Each of its channels is weighed by how the class's logit rises with
it, on average over all places; the weighted sum, where it is positive, is the evidence for the class and where it lies.

It owns the map and its drawing over a photo. It refuses to say that the evidence is good: it shows where the last layer
looked, in squares as coarse as its map, and nothing about why.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy
import tensorflow as tf  # Keras has no word for a gradient
from PIL import Image

from transfer.errors import CallError
from transfer.models import head as heads
from transfer.models.backbone import Backbone
from transfer.models.classifier import Classifier

STRONGEST = 0.65
"""Share of the colour in the overlay where the evidence is strongest; the rest is the photo."""


def check(backbone: Backbone) -> None:
    """Say so where there is nothing that Grad-CAM could show.

    Raises:
        CallError: The backbone makes no feature map.
    """
    if not backbone.learned:
        raise CallError(
            f"{backbone.title} makes no feature map, so there is nothing that Grad-CAM could show.",
            received="a backbone without weights",
            remedy="Explain a run whose backbone is a network.",
        )


def heat_maps(
    classifier: Classifier, pictures: numpy.ndarray, classes: Sequence[int] | None = None
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The evidence for one class in each picture.

    Args:
        classifier: Built, with its weights.
        pictures: uint8 ``(n, size, size, 3)``, of the classifier's size.
        classes: The index of a class for each; None takes what each is taken for.

    Returns:
        The maps, float32 ``(n, height, width)`` of the last feature map's size: 0 is none, 1 the strongest of that
        picture, and all zero where nothing speaks for the class. And the probabilities, float32 ``(n, classes)``.

    Raises:
        CallError: The backbone makes no feature map.
    """
    check(classifier.backbone)
    prepared = classifier.backbone.preprocess(keras.ops.cast(pictures, "float32"))
    feature_map = classifier.network(prepared, training=False)
    with tf.GradientTape() as tape:
        tape.watch(feature_map)
        logits = classifier.scores(heads.pool(feature_map, classifier.pool), training=False)
        chosen = tf.argmax(logits, axis=1) if classes is None else tf.constant(list(classes), tf.int64)
        wanted = tf.gather(logits, chosen, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(wanted, feature_map), axis=(1, 2), keepdims=True)
    evidence = tf.nn.relu(tf.reduce_sum(tf.cast(weights * feature_map, tf.float32), axis=-1))
    maps = tf.math.divide_no_nan(evidence, tf.reduce_max(evidence, axis=(1, 2), keepdims=True))
    return maps.numpy(), tf.nn.softmax(tf.cast(logits, tf.float32)).numpy()


def overlay(photo: numpy.ndarray, heat: numpy.ndarray) -> numpy.ndarray:
    """The photo in grey, with the heat map stretched over it in colour.

    Args:
        photo: uint8 ``(height, width, 3)``, of any size; the network saw all of it squeezed to a square.
        heat: ``(rows, columns)`` from 0 to 1.

    Returns:
        uint8 ``(height, width, 3)``.
    """
    import matplotlib

    height, width = photo.shape[:2]
    stretched = Image.fromarray(heat.astype("float32")).resize((width, height), Image.Resampling.BILINEAR)
    strength = numpy.clip(numpy.asarray(stretched), 0.0, 1.0)[..., None]
    grey = numpy.asarray(Image.fromarray(photo).convert("L").convert("RGB"), "float32")
    colour = matplotlib.colormaps["plasma"](strength[..., 0])[..., :3] * 255.0
    share = STRONGEST * strength
    return numpy.round(grey * (1.0 - share) + colour * share).astype("uint8")
