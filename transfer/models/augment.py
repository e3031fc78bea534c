"""Random views of a picture, in training only.

A view is a pure function of the picture and two numbers, so that a resumed training sees the views that an undisturbed
one would have seen, on any machine and in any order. Keras' random layers draw from a state of their own and could not
promise that; this is why the file speaks TensorFlow.
"""

from __future__ import annotations

import tensorflow as tf

AREA = (0.6, 1.0)
"""Share of the picture that a view shows."""

ASPECT = (4 / 5, 5 / 4)
"""Width by height of what it shows, before it is squeezed to a square."""

BRIGHTNESS, CONTRAST, SATURATION = 0.1, 0.15, 0.15
"""How far light and colour may move: a share of white, and shares around 1."""


@tf.function
def view(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A random part of the picture, perhaps mirrored, in slightly other light.

    Args:
        picture: uint8 ``(size, size, 3)``.
        seed: int32 ``(2,)``; the same seed gives the same view.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    seeds = tf.unstack(tf.random.split(seed, 5))
    size = picture.shape[0]
    x = tf.image.crop_to_bounding_box(picture, *_part(size, seeds[0]))
    x = tf.image.resize(x, (size, size), antialias=True) / 255.0
    x = tf.image.stateless_random_flip_left_right(x, seeds[1])
    x = tf.image.stateless_random_brightness(x, BRIGHTNESS, seeds[2])
    x = tf.image.stateless_random_contrast(x, 1 - CONTRAST, 1 + CONTRAST, seeds[3])
    x = tf.image.stateless_random_saturation(tf.clip_by_value(x, 0.0, 1.0), 1 - SATURATION, 1 + SATURATION, seeds[4])
    return tf.cast(tf.round(255.0 * tf.clip_by_value(x, 0.0, 1.0)), tf.uint8)


def _part(size: int, seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Top, left, height and width of a random part, in whole pixels."""
    draws = tf.random.stateless_uniform((4,), seed)
    area = AREA[0] + (AREA[1] - AREA[0]) * draws[0]
    aspect = tf.exp(tf.math.log(ASPECT[0]) + (tf.math.log(ASPECT[1]) - tf.math.log(ASPECT[0])) * draws[1])
    sides = tf.minimum(tf.stack([tf.sqrt(area / aspect), tf.sqrt(area * aspect)]), 1.0)
    height, width = tf.unstack(tf.maximum(tf.cast(tf.round(size * sides), tf.int32), 1))
    top = tf.cast(tf.floor(draws[2] * tf.cast(size - height + 1, tf.float32)), tf.int32)
    left = tf.cast(tf.floor(draws[3] * tf.cast(size - width + 1, tf.float32)), tf.int32)
    return top, left, height, width
