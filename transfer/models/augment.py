"""Random views of a picture and mixtures of several, in training only.

Each is a pure function of pictures and numbers that were drawn elsewhere, so that a resumed training sees what an
undisturbed one would have seen, on any machine and in any order. Keras' random layers draw from a state of their own
and could not promise that; this is why the file speaks TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

View = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

AREA = (0.6, 1.0)
"""Share of the picture that a view shows."""

STRONG_AREA = (0.25, 1.0)
"""The same for a strong view."""

ASPECT = (4 / 5, 5 / 4)
"""Width by height of what it shows, before it is squeezed to a square."""

BRIGHTNESS, CONTRAST, SATURATION = 0.1, 0.15, 0.15
"""How far light and colour may move: a share of white, and shares around 1."""

STRONGER = 2.5
"""How much further they may move in a strong view."""

ERASED = 0.4
"""Side of the grey square that hides a part of a strong view, as a share of the picture's."""


@tf.function
def plain_view(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A random part of the picture, perhaps mirrored, in slightly other light.

    Args:
        picture: uint8 ``(size, size, 3)``.
        seed: int32 ``(2,)``; the same seed gives the same view.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    seeds = tf.unstack(tf.random.split(seed, 5))
    return _whole(_other_light(_crop(picture, AREA, seeds[0]), seeds[1:], 1.0))


@tf.function
def strong_view(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A smaller part, in stronger light, with a square of it hidden (DeVries and Taylor 2017, "Cutout").

    Args and result as of ``plain_view``.
    """
    seeds = tf.unstack(tf.random.split(seed, 6))
    x = _other_light(_crop(picture, STRONG_AREA, seeds[0]), seeds[1:5], STRONGER)
    size = picture.shape[0]
    inside = _square(size, tf.random.stateless_uniform((2,), seeds[5]), tf.constant(ERASED))
    return _whole(tf.where(inside, 0.5, x))


VIEWS: dict[str, View] = {"plain": plain_view, "strong": strong_view}


@tf.function
def mixup(x: tf.Tensor, y: tf.Tensor, *rest: Any) -> tuple[Any, ...]:
    """Blend each input, and its target, with the one opposite in the batch (Zhang et al. 2018).

    Args:
        x: ``(batch, ...)``, pictures or activations. y: ``(batch, classes)``.
        rest: Weights, where there are any; last, the share of each one's own and a place that is not used.
    """
    *weights, (share, _) = rest
    own = tf.cast(x, tf.float32)
    blended = share * own + (1 - share) * tf.reverse(own, [0])
    if x.dtype == tf.uint8:
        blended = tf.round(blended)
    return tf.cast(blended, x.dtype), *_targets(y, weights, share)


@tf.function
def cutmix(x: tf.Tensor, y: tf.Tensor, *rest: Any) -> tuple[Any, ...]:
    """Set a square of the picture opposite in the batch into each, and blend targets by area (Yun et al. 2019).

    Args and result as of ``mixup``; ``x`` is ``(batch, size, size, 3)``.
    """
    *weights, (share, place) = rest
    inside = _square(x.shape[1], place, tf.sqrt(1 - share))
    own = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    return tf.where(inside, tf.reverse(x, [0]), x), *_targets(y, weights, own)


MIXES: dict[str, Callable[..., tuple[Any, ...]]] = {"mixup": mixup, "cutmix": cutmix}


def _targets(y: tf.Tensor, weights: list[tf.Tensor], share: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Blended targets, each sum 1; where photos have weights, each label counts by its own photo's."""
    if not weights:
        return (_blend(y, share),)
    both = _blend(weights[0], share)
    return _blend(weights[0][:, None] * y, share) / both[:, None], both


def _blend(part: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return share * part + (1 - share) * tf.reverse(part, [0])


def _square(size: int, place: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Where a square lies: bool ``(size, size, 1)``; its middle anywhere, cut off at the borders."""
    at = tf.abs(tf.range(size, dtype=tf.float32)[:, None] + 0.5 - place * size) < side * size / 2
    return (at[:, None, 0] & at[None, :, 1])[..., None]


def _crop(picture: tf.Tensor, area: tuple[float, float], seed: tf.Tensor) -> tf.Tensor:
    """A random part at the picture's size, float32 from 0 to 1."""
    size = picture.shape[0]
    part = tf.image.crop_to_bounding_box(picture, *_part(size, area, seed))
    return tf.image.resize(part, (size, size), antialias=True) / 255.0


def _other_light(x: tf.Tensor, seeds: list[tf.Tensor], much: float) -> tf.Tensor:
    contrast, saturation = CONTRAST * much, SATURATION * much
    x = tf.image.stateless_random_flip_left_right(x, seeds[0])
    x = tf.image.stateless_random_brightness(x, BRIGHTNESS * much, seeds[1])
    x = tf.image.stateless_random_contrast(x, 1 - contrast, 1 + contrast, seeds[2])
    return tf.image.stateless_random_saturation(tf.clip_by_value(x, 0.0, 1.0), 1 - saturation, 1 + saturation, seeds[3])


def _whole(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(255.0 * tf.clip_by_value(x, 0.0, 1.0)), tf.uint8)


def _part(size: int, shown: tuple[float, float], seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Top, left, height and width of a random part, in whole pixels."""
    draws = tf.random.stateless_uniform((4,), seed)
    area = shown[0] + (shown[1] - shown[0]) * draws[0]
    aspect = tf.exp(tf.math.log(ASPECT[0]) + (tf.math.log(ASPECT[1]) - tf.math.log(ASPECT[0])) * draws[1])
    sides = tf.minimum(tf.stack([tf.sqrt(area / aspect), tf.sqrt(area * aspect)]), 1.0)
    height, width = tf.unstack(tf.maximum(tf.cast(tf.round(size * sides), tf.int32), 1))
    top = tf.cast(tf.floor(draws[2] * tf.cast(size - height + 1, tf.float32)), tf.int32)
    left = tf.cast(tf.floor(draws[3] * tf.cast(size - width + 1, tf.float32)), tf.int32)
    return top, left, height, width
