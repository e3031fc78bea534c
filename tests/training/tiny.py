"""A network that is on no shelf, so that tests of the loop are quick."""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage
from transfer.training.plan import Plan


def network(size: int) -> keras.Model:
    """Three stages, each a convolution that halves the picture, batch norm and ReLU."""
    x = inputs = keras.Input((size, size, 3))
    for name, channels in (("one", 4), ("two", 8), ("three", 8)):
        x = keras.layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        x = keras.layers.ReLU(name=name)(x)
    return keras.Model(inputs, x)


TINY = Backbone(
    title="Tiny",
    paper="",
    licence="",
    network=network,
    preprocess=lambda pixels: pixels / 127.5 - 1,
    stages=(Stage("one", "one"), Stage("two", "two"), Stage("three", "three")),
    size=16,
)


class TinyPlan(Plan):
    """A plan for it."""

    @property
    def backbone(self) -> Backbone:
        return TINY
