"""Preprocessing that several backbones share: raw 0-255 RGB in, what their published weights were trained on out.

Each function takes a symbolic or a real float tensor ``(..., 3)`` and gives one of the same height and width.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy

IMAGENET_MEAN = (123.68, 116.779, 103.939)
"""Mean red, green and blue of the ImageNet training pictures, as Caffe's networks subtract them."""

IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue in the ImageNet training pictures, where white is 1."""

LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in the brightness of a pixel (ITU-R BT.601)."""


def minus_one_to_one(pixels: Any) -> Any:
    """0 becomes -1 and 255 becomes 1 (Keras calls it the ``tf`` mode)."""
    return pixels / 127.5 - 1.0


def bgr_centred(pixels: Any) -> Any:
    """Blue, green, red, each minus its ImageNet mean, not scaled (Keras calls it the ``caffe`` mode)."""
    return keras.ops.flip(pixels, axis=-1) - numpy.asarray(IMAGENET_MEAN[::-1], "float32")


def rgb_centred(pixels: Any) -> Any:
    """Red, green, blue, each minus its ImageNet mean, not scaled."""
    return pixels - numpy.asarray(IMAGENET_MEAN, "float32")


def standardised(pixels: Any) -> Any:
    """Red, green, blue with ImageNet's mean 0 and standard deviation 1 (Keras calls it the ``torch`` mode)."""
    mean, deviation = (numpy.asarray(values, "float32") for values in IMAGENET_SPREAD)
    return (pixels / 255.0 - mean) / deviation


def luma(pixels: Any) -> Any:
    """One grey channel ``(..., 1)``, black -1 and white 1."""
    return keras.ops.sum(pixels * numpy.asarray(LUMA, "float32"), axis=-1, keepdims=True) / 127.5 - 1.0
